export * from "./errors.js";
export type * from "./tensor.js";
export { bytesPerElement, byteSize, elementCount, newFloatArray, unitRoundoff } from "./tensor.js";
export type * from "./operator.js";
export type * from "./backend.js";
export { MAX_ELEMENTS, MAX_TRIL_BLOCK } from "./backend.js";
export { checkAllocation } from "./allocation.js";
export { checkReadable } from "./check.js";
export { describe } from "./describe.js";
export { checkFlag, checkOptions, checkText } from "./options.js";
export { Ledger, OwnedTensor } from "./ledger.js";
export { checkView, packView, type PackableView } from "./pack.js";
export { apply, type ApplyOptions } from "./apply.js";
export { solve, type SolveOptions } from "./solve.js";
export { inverse, trilInverse, type InverseOptions, type TrilInverseOptions } from "./inverse.js";
export { logAbsDet, materialize } from "./derived.js";
export {
  applyVjp,
  inverseVjp,
  solveVjp,
  type ApplyGradients,
  type InverseGradients,
  type SolveGradients,
  type VjpOptions,
} from "./vjp.js";
