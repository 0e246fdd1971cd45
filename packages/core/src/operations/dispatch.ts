import type { Backend, Sizes } from "../contract/backend.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { checkFlag } from "../contract/options.js";
import { elementCount, type Dtype, type Shape, type Tensor } from "../contract/tensor.js";
import { checkAliases } from "./aliases.js";
import { checkAlpha, checkBackend, checkChunk, checkOperator, checkReadable, checkTensor } from "./check.js";

/** Options that `solve` and `apply` share. */
export interface ChunkedOptions<T extends Tensor> {
  /** Use Tᵀ instead of T. Default false. */
  readonly trans?: boolean | undefined;
  /** Scales the result, not the state. Rounded to the dtype. Default 1. */
  readonly alpha?: number | undefined;
  /** Where the result goes, [batch, n, p]; default: a new tensor, the caller's to dispose. */
  readonly out?: T | undefined;
  /** Z from the rows before the first visited, [batch, r, p]; default 0. */
  readonly initialState?: T | undefined;
  /** Receives Z after the last row visited, [batch, r, p]; may be the `initialState` tensor itself. */
  readonly finalState?: T | undefined;
  /** Rows per chunk; default: the backend's choice. Results differ by rounding only. */
  readonly chunk?: number | undefined;
  /**
   * Look at the operator's numbers: SingularError where a λ that is divided by is 0, ValueError where some g is
   * positive or NaN. Default false: the first gives Inf/NaN from that row on, the second is growth.
   */
  readonly check?: boolean | undefined;
}

/** The names of those options. */
export const chunkedNames = [
  "trans",
  "alpha",
  "out",
  "initialState",
  "finalState",
  "chunk",
  "check",
] as const;

export interface CheckedCall extends Sizes {
  readonly dtype: Dtype;
  readonly trans: boolean;
  readonly alpha: number;
}

/** The names of a call's tensors, those that are written first. The right-hand side is "b" or "x". */
const aliasNames = (rhs: string): string[] => [
  "out",
  "finalState",
  rhs,
  "diag",
  "q",
  "k",
  "decay",
  "initialState",
];
const aliasNamesOf = { solve: aliasNames("b"), apply: aliasNames("x") };
/** Which two arguments may be the very same tensor. `apply` allows less, because it reads x after it has written. */
const sameAllowed = { solve: ["out=b", "finalState=initialState"], apply: ["finalState=initialState"] };

/** Makes all checks that `solve` and `apply` have in common. `rhs` is b or x, [batch, n, p]. */
export function checkChunkedCall<T extends Tensor>(
  backend: Backend<T>,
  kernel: "solve" | "apply",
  op: DiagLowRankTril<T>,
  rhs: T,
  options: ChunkedOptions<T>,
): CheckedCall {
  checkBackend(backend, kernel);
  const { batch, n, r, dtype } = checkOperator(backend, op);
  const name = kernel === "solve" ? "b" : "x";
  checkReadable(backend, name, rhs);
  const p = rhs.shape[2];
  checkTensor(backend, name, rhs, [batch, n, p], dtype);
  const { out, initialState, finalState, trans, chunk } = options;
  if (out !== undefined) checkTensor(backend, "out", out, [batch, n, p], dtype);
  if (initialState !== undefined) checkTensor(backend, "initialState", initialState, [batch, r, p], dtype);
  if (finalState !== undefined) checkTensor(backend, "finalState", finalState, [batch, r, p], dtype);
  checkFlag("trans", trans);
  checkFlag("check", options.check);
  checkChunk(chunk);
  const { diag, q, k, decay } = op;
  const tensors = [out, finalState, rhs, diag, q, k, decay, initialState];
  checkAliases(aliasNamesOf[kernel], tensors, 2, sameAllowed[kernel]);
  return { batch, n, r, p, dtype, trans: trans ?? false, alpha: checkAlpha(options.alpha, dtype) };
}

/**
 * Calls `run` with the output tensor, a new one unless given. Not called when there is nothing to write.
 * A new tensor is disposed if `run` throws.
 */
export function writeTo<T extends Tensor>(
  backend: Backend<T>,
  given: T | undefined,
  shape: Shape,
  dtype: Dtype,
  run: (out: T) => void,
  finalState?: T,
): T {
  const out = given ?? backend.empty(shape, dtype);
  const writes = elementCount(shape) > 0 || (finalState !== undefined && elementCount(finalState.shape) > 0);
  if (!writes) return out;
  try {
    run(out);
  } catch (error) {
    if (given === undefined) out.dispose();
    throw error;
  }
  return out;
}
