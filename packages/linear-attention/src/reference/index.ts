/**
 * Every layer's plain recurrence in float64, token by token, and every small piece, written from its definition: what the package is
 * judged by.
 *
 * @module
 */
export type { ReferenceProblem, ReferenceResult } from "./walk.js";
export { betaGate } from "./beta-gate.js";
export { causalConv, type CausalConvProblem } from "./causal-conv.js";
export { comba } from "./comba.js";
export { deltaRule } from "./delta-rule.js";
export { dplr } from "./dplr.js";
export { gatedDeltaProduct } from "./gated-delta-product.js";
export { gatedDeltaRule } from "./gated-delta-rule.js";
export { gatedDeltaRule2 } from "./gated-delta-rule-2.js";
export { gatedRmsNorm } from "./gated-rms-norm.js";
export { gdnGate } from "./gdn-gate.js";
export { gla } from "./gla.js";
export { kdaGate } from "./kda-gate.js";
export { kimiDeltaAttention } from "./kimi-delta-attention.js";
export { l2Norm } from "./l2-norm.js";
export { linearAttention } from "./linear-attention.js";
export { onnxLinearAttention } from "./onnx.js";
export { retention } from "./retention.js";
export { rwkv7 } from "./rwkv7.js";
export { simpleGla } from "./simple-gla.js";
export { ssd } from "./ssd.js";
export { pathLogits } from "./path-logits.js";
export { deltaFormer, type DeltaFormerProblem } from "./delta-former.js";
