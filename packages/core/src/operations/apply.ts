import type { Backend } from "../contract/backend.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { checkOptions } from "../contract/options.js";
import type { Tensor } from "../contract/tensor.js";
import { checkChunkedCall, chunkedNames, writeTo, type ChunkedOptions } from "./dispatch.js";
import { checkValues } from "./values.js";

export interface ApplyOptions<T extends Tensor = Tensor> extends ChunkedOptions<T> {}

/**
 * Y = α (op(T) X + F Z₀), in O(n r p) per batch entry; (F, G) = (Q, K), exchanged when `trans`.
 * The final state is Z₀ + Gᵀ X without decay, and with decay what the recursion leaves (reference README, equations (2),
 * (5), (8)). An operator without `diag` has Λ = 0.
 *
 * @param x [batch, n, p]; overlaps neither `out` nor `finalState`.
 * @returns [batch, n, p]: `options.out`, or a new tensor for the caller to dispose.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError, before anything is
 * written; ValueError with `check` (on a device: at the reads of what the call wrote).
 */
export function apply<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  x: T,
  options: ApplyOptions<T> = {},
): T {
  checkOptions("options", options, chunkedNames);
  const { batch, n, r, p, dtype, trans, alpha } = checkChunkedCall(backend, "apply", op, x, options);
  const { out, initialState, finalState, chunk } = options;
  const tell = options.check ? checkValues(backend, op, false) : undefined;
  // The fields are named one by one: a spread costs 15 µs in V8, more than a small kernel.
  const run = (to: T): void =>
    backend.kernels.apply({
      batch,
      n,
      r,
      p,
      op,
      trans,
      alpha,
      x,
      out: to,
      initialState,
      finalState,
      chunk,
      decayOn: "rank",
    });
  const y = writeTo(backend, out, x.shape, dtype, run, finalState);
  tell?.(y, finalState);
  return y;
}
