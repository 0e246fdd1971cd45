export * from "./contract/errors.js";
export type * from "./contract/tensor.js";
export { bytesPerElement, byteSize, elementCount, newFloatArray, unitRoundoff } from "./contract/tensor.js";
export type { DecayKind, DiagLowRankTril } from "./contract/operator.js";
export type { Backend, KernelName, PrepareParams, Sizes, Supports } from "./contract/backend.js";
export { MAX_ELEMENTS, MAX_TRIL_BLOCK } from "./contract/backend.js";
export { apply, type ApplyOptions } from "./operations/apply.js";
export { solve, type SolveOptions } from "./operations/solve.js";
export { heads } from "./operations/heads.js";
export { inverse, trilInverse, type InverseOptions, type TrilInverseOptions } from "./operations/inverse.js";
export { logAbsDet, materialize } from "./operations/derived.js";
export {
  applyVjp,
  inverseVjp,
  solveVjp,
  type ApplyGradients,
  type InverseGradients,
  type SolveGradients,
  type VjpOptions,
} from "./operations/vjp.js";
