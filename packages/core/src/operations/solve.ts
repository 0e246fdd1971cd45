import type { Backend } from "../contract/backend.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { checkOptions } from "../contract/options.js";
import type { Tensor } from "../contract/tensor.js";
import { requireDiag } from "./check.js";
import { checkChunkedCall, chunkedNames, writeTo, type ChunkedOptions } from "./dispatch.js";
import { checkValues } from "./values.js";

export interface SolveOptions<T extends Tensor = Tensor> extends ChunkedOptions<T> {}

/**
 * Y = α op(T)⁻¹ (B − F Z₀), in O(n r p) per batch entry, with no n×n matrix formed; (F, G) = (Q, K),
 * exchanged when `trans`. The final state is Z₀ + Gᵀ Y (before α) without decay, and with decay what the recursion
 * leaves (reference README, equations (3), (6), (8)), so that pieces of a sequence chain.
 *
 * Componentwise backward error ω ≤ 16 ε, r/8 ε beyond r = 128; see the reference's README, section 8.
 * On a host backend the result is there on return; on a device it is enqueued.
 *
 * @param b [batch, n, p]; `out` may be the same tensor.
 * @returns [batch, n, p]: `options.out`, or a new tensor for the caller to dispose.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError, before anything is
 * written; SingularError, ValueError with `check` (on a device: at the reads of what the call wrote).
 */
export function solve<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  b: T,
  options: SolveOptions<T> = {},
): T {
  checkOptions("options", options, chunkedNames);
  const { batch, n, r, p, dtype, trans, alpha } = checkChunkedCall(backend, "solve", op, b, options);
  requireDiag(op);
  const { out, initialState, finalState, chunk } = options;
  const tell = options.check ? checkValues(backend, op, true) : undefined;
  // The fields are named one by one: a spread costs 15 µs in V8, more than a small kernel.
  const run = (to: T): void =>
    backend.kernels.solve({ batch, n, r, p, op, trans, alpha, b, out: to, initialState, finalState, chunk });
  const y = writeTo(backend, out, b.shape, dtype, run, finalState);
  tell?.(y, finalState);
  return y;
}
