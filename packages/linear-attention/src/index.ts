export { comba, combaVjp, type CombaInputs } from "./layers/comba.js";
export { deltaRule, deltaRuleVjp, type DeltaRuleInputs } from "./layers/delta-rule.js";
export { dplr, dplrVjp, type DplrInputs } from "./layers/dplr.js";
export {
  gatedDeltaProduct,
  gatedDeltaProductVjp,
  type GatedDeltaProductInputs,
} from "./layers/gated-delta-product.js";
export { gatedDeltaRule, gatedDeltaRuleVjp, type GatedDeltaRuleInputs } from "./layers/gated-delta-rule.js";
export {
  gatedDeltaRule2,
  gatedDeltaRule2Vjp,
  type GatedDeltaRule2Inputs,
} from "./layers/gated-delta-rule-2.js";
export { gla, glaVjp, type GlaInputs } from "./layers/gla.js";
export {
  kimiDeltaAttention,
  kimiDeltaAttentionVjp,
  type KimiDeltaAttentionInputs,
} from "./layers/kimi-delta-attention.js";
export {
  linearAttention,
  linearAttentionVjp,
  type LinearAttentionInputs,
} from "./layers/linear-attention.js";
export { retention, retentionVjp, type RetentionInputs } from "./layers/retention.js";
export { rwkv7, rwkv7Vjp, type Rwkv7Inputs } from "./layers/rwkv7.js";
export { simpleGla, simpleGlaVjp, type SimpleGlaInputs } from "./layers/simple-gla.js";
export { ssd, ssdVjp, type SsdInputs } from "./layers/ssd.js";
export type { LayerFunction } from "./engine/intercept.js";
export type {
  Cotangents,
  Gradients,
  Heads,
  Kept,
  LayerOptions,
  LayerResult,
  Padding,
  VjpOptions,
} from "./engine/options.js";
export { State } from "./state/state.js";
export type { StateSelection, StateSizes, StepOptions } from "./state/check.js";
export {
  onnxLinearAttention,
  type OnnxLinearAttentionAttributes,
  type OnnxLinearAttentionInputs,
  type OnnxLinearAttentionResult,
} from "./onnx.js";
export { betaGate, betaGateVjp, type BetaGateInputs, type BetaGateOptions } from "./pieces/beta-gate.js";
export { causalConv } from "./pieces/causal-conv.js";
export type {
  CausalConvCotangents,
  CausalConvInputs,
  CausalConvOptions,
} from "./pieces/causal-conv-options.js";
export { causalConvVjp } from "./pieces/causal-conv-vjp.js";
export type { OutputCotangent, PieceGradients } from "./pieces/check.js";
export {
  gatedRmsNorm,
  gatedRmsNormVjp,
  type GatedRmsNormInputs,
  type GatedRmsNormOptions,
} from "./pieces/gated-rms-norm.js";
export { gdnGate, gdnGateVjp, type GdnGateInputs } from "./pieces/gdn-gate.js";
export { kdaGate, kdaGateVjp, type KdaGateInputs, type KdaGateOptions } from "./pieces/kda-gate.js";
export { l2Norm, l2NormVjp, type L2NormInputs, type L2NormOptions } from "./pieces/l2-norm.js";
export { chunkSummary, chunkSummaryVjp, type SummaryOptions } from "./summary/chunk-summary.js";
export { applySummary, composeSummaries, type ChunkSummary } from "./summary/compose.js";
export {
  pathLogits,
  pathLogitsVjp,
  type PathLogitsInputs,
  type PathLogitsOptions,
} from "./attention/path-logits.js";
export {
  deltaFormer,
  deltaFormerVjp,
  type DeltaFormerInputs,
  type DeltaFormerOptions,
} from "./attention/delta-former.js";
