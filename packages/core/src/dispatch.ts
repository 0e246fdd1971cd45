import type { Backend, KernelName, Sizes } from "./backend.js";
import { checkAlpha, checkBackend, checkChunk, checkOperator, checkReadable, checkTensor } from "./check.js";
import type { DiagLowRankTril } from "./operator.js";
import { checkFlag } from "./options.js";
import { elementCount, type Dtype, type Shape, type Tensor } from "./tensor.js";

/** Options that `solve` and `apply` share. */
export interface ChunkedOptions<T extends Tensor> {
  /** Use Tᵀ instead of T. Default false. */
  readonly trans?: boolean | undefined;
  /** Scales the result, not the state. Rounded to the dtype. Default 1. */
  readonly alpha?: number | undefined;
  /** Where the result goes, [batch, n, p]; default: a new tensor, the caller's to dispose. */
  readonly out?: T | undefined;
  /** Z from the rows before the first visited, [batch, r, p]; default 0. */
  readonly state?: T | undefined;
  /** Receives Z after the last row visited, [batch, r, p]; may be the `state` tensor itself. */
  readonly finalState?: T | undefined;
  /** Rows per chunk; default: the backend's choice. Results differ by rounding only. */
  readonly chunk?: number | undefined;
}

export interface CheckedCall extends Sizes {
  readonly dtype: Dtype;
  readonly trans: boolean;
  readonly alpha: number;
}

/** All that `solve` and `apply` check alike, but for aliases. `rhs` is b or x, [batch, n, p]. */
export function checkChunkedCall<T extends Tensor>(
  backend: Backend<T>,
  kernel: KernelName,
  op: DiagLowRankTril<T>,
  [name, rhs]: readonly [string, T],
  options: ChunkedOptions<T>,
): CheckedCall {
  checkBackend(backend, kernel);
  const { batch, n, r, dtype } = checkOperator(backend, op);
  checkReadable(backend, name, rhs);
  const p = rhs.shape[2];
  checkTensor(backend, name, rhs, [batch, n, p], dtype);
  if (options.out !== undefined) checkTensor(backend, "out", options.out, [batch, n, p], dtype);
  for (const key of ["state", "finalState"] as const) {
    const state = options[key];
    if (state !== undefined) checkTensor(backend, key, state, [batch, r, p], dtype);
  }
  checkFlag("trans", options.trans);
  checkChunk(options.chunk);
  return { batch, n, r, p, dtype, trans: options.trans ?? false, alpha: checkAlpha(options.alpha, dtype) };
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
