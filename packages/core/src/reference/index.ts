export type * from "./types.js";
export * as dense from "./dense.js";
export * as recurrent from "./recurrent.js";
export * as chunkwise from "./chunkwise.js";
export { materializeUnmasked, woodburyInverse } from "./woodbury.js";
export {
  applyVjp,
  inverseVjp,
  solveVjp,
  type ApplyGradients,
  type OperatorGradients,
  type SolveGradients,
  type VjpOptions,
} from "./vjp.js";
export {
  omega,
  omegaApply,
  omegaInverse,
  omegaRowDot,
  omegaState,
  omegaTrilInverse,
  type Judged,
} from "./backward-error.js";
export { bound } from "./bound.js";
export { BLOCK_GATE, gate } from "./gate.js";
export { matrixOf, operatorOf, overBatch, type ReferenceBatch } from "./batch.js";
export { identity, matmul, transpose } from "./matrix.js";
export { rowsOf } from "./operator.js";
