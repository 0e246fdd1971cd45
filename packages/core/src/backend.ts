/**
 * What authors of backends need, and users do not: the kernels' parameters, layouts, and the checks and the ledger that
 * all that is not a kernel can be made of.
 *
 * @module
 */
export type {
  ApplyParams,
  CopyParams,
  DecayVjpParams,
  InverseParams,
  Kernels,
  RowDotParams,
  SolveParams,
  TrilInverseParams,
} from "./contract/backend.js";
export type {
  CausalConvParams,
  CausalConvVjpParams,
  DeltaRuleInputs,
  DeltaRuleParams,
  DeltaRuleVjpParams,
  GatedNormParams,
  GateParams,
  NormalizeRowsParams,
} from "./contract/layer-kernels.js";
export { checkAllocation, checkShape } from "./contract/allocation.js";
export type { Declared } from "./contract/declared.js";
export { describe } from "./contract/describe.js";
export {
  contiguousLayout,
  entryStart,
  firstElement,
  isContiguous,
  lastElement,
  viewLayout,
} from "./contract/layout.js";
export { Ledger, OwnedTensor, proxied, type Placement } from "./contract/ledger.js";
export { decayKind } from "./contract/operator.js";
export { checkCount, checkFlag, checkOptions, checkText } from "./contract/options.js";
export { Scope } from "./contract/scope.js";
export {
  checkView,
  dtypeOf,
  fillArray,
  packView,
  plainArray,
  readView,
  type PackableView,
} from "./contract/pack.js";
export { checkAliases, overlap } from "./operations/aliases.js";
export { checkEraseKey, checkIsBackend, checkReadable } from "./operations/check.js";
export { checkPiece, runPiece, type PieceName, type PieceParams } from "./operations/pieces/index.js";
