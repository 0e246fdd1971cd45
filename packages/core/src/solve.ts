import type { Backend } from "./backend.js";
import { checkAliases, requireDiag } from "./check.js";
import { checkChunkedCall, writeTo, type ChunkedOptions } from "./dispatch.js";
import type { DiagLowRankTril } from "./operator.js";
import { checkFlag, checkOptions } from "./options.js";
import { checkSingular } from "./singular.js";
import type { Tensor } from "./tensor.js";

export interface SolveOptions<T extends Tensor = Tensor> extends ChunkedOptions<T> {
  /** Throw SingularError where λ = 0, instead of giving Inf/NaN from that row on. Default false. */
  readonly check?: boolean | undefined;
}

const optionNames = ["trans", "alpha", "out", "state", "finalState", "chunk", "check"];

/**
 * Y = α op(T)⁻¹ (B − F Z₀), in O(n r p) per batch entry, with no n×n matrix formed; (F, G) = (Q, K),
 * exchanged when `trans`. The final state is Z₀ + Gᵀ Y (before α), so that pieces of a sequence chain.
 *
 * Componentwise backward error ω ≤ 16 ε, r/8 ε beyond r = 128; see the reference's README, section 8.
 * On a host backend the result is there on return; on a device it is enqueued.
 *
 * @param b [batch, n, p]; `out` may be the same tensor.
 * @returns [batch, n, p]: `options.out`, or a new tensor for the caller to dispose.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError, before anything is
 * written; SingularError with `check` (on a device: every `read` of the results rejects with it).
 */
export function solve<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  b: T,
  options: SolveOptions<T> = {},
): T {
  checkOptions("options", options, optionNames);
  const { batch, n, r, p, dtype, trans, alpha } = checkChunkedCall(backend, "solve", op, ["b", b], options);
  const diag = requireDiag(op);
  const { q, k } = op;
  const { state, finalState, chunk } = options;
  checkAliases(
    [
      ["out", options.out],
      ["finalState", finalState],
    ],
    [
      ["b", b],
      ["diag", diag],
      ["q", q],
      ["k", k],
      ["state", state],
    ],
    ["out=b", "finalState=state"],
  );
  checkFlag("check", options.check);
  const tell = options.check ? checkSingular(backend, diag) : undefined;
  // field by field: a spread costs 15 µs in V8, more than a small kernel
  const run = (out: T): void =>
    backend.kernels.solve({ batch, n, r, p, trans, alpha, diag, q, k, b, out, state, finalState, chunk });
  const y = writeTo(backend, options.out, b.shape, dtype, run, finalState);
  tell?.(y, finalState);
  return y;
}
