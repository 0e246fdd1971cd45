import type { Backend } from "./backend.js";
import { checkAliases } from "./check.js";
import { checkChunkedCall, writeTo, type ChunkedOptions } from "./dispatch.js";
import type { DiagLowRankTril } from "./operator.js";
import { checkOptions } from "./options.js";
import type { Tensor } from "./tensor.js";

export interface ApplyOptions<T extends Tensor = Tensor> extends ChunkedOptions<T> {}

const optionNames = ["trans", "alpha", "out", "state", "finalState", "chunk"];

/**
 * Y = α (op(T) X + F Z₀), in O(n r p) per batch entry; (F, G) = (Q, K), exchanged when `trans`.
 * The final state is Z₀ + Gᵀ X. An operator without `diag` has Λ = 0.
 *
 * @param x [batch, n, p]; overlaps neither `out` nor `finalState`.
 * @returns [batch, n, p]: `options.out`, or a new tensor for the caller to dispose.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError, before anything is written
 */
export function apply<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  x: T,
  options: ApplyOptions<T> = {},
): T {
  checkOptions("options", options, optionNames);
  const { batch, n, r, p, dtype, trans, alpha } = checkChunkedCall(backend, "apply", op, ["x", x], options);
  const { diag, q, k } = op;
  const { state, finalState, chunk } = options;
  checkAliases(
    [
      ["out", options.out],
      ["finalState", finalState],
    ],
    [
      ["x", x],
      ["diag", diag],
      ["q", q],
      ["k", k],
      ["state", state],
    ],
    ["finalState=state"],
  );
  // field by field: a spread costs 15 µs in V8, more than a small kernel
  const run = (out: T): void =>
    backend.kernels.apply({ batch, n, r, p, trans, alpha, diag, q, k, x, out, state, finalState, chunk });
  return writeTo(backend, options.out, x.shape, dtype, run, finalState);
}
