export { deltaRule, gatedDeltaRule, gla, kimiDeltaAttention, linearAttention } from "./operations/layers.js";
export { apply, solve, type OperatorOptions } from "./operations/operator.js";
export { betaGate, causalConv, gatedRmsNorm, gdnGate, kdaGate, l2Norm } from "./operations/pieces.js";
export { linear, type LinearOptions } from "./operations/linear.js";
export { embedding } from "./operations/embedding.js";
export type { TfInputs, TfOptions, TfResult } from "./operations/call.js";
export type { GatedDeltaNetConfig } from "./layer/config.js";
export { gatedDeltaNet, type GatedDeltaNet, type GatedDeltaNetClass } from "./layer/gated-delta-net.js";
