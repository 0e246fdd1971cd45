import { MAX_TRIL_BLOCK, type Backend } from "../contract/backend.js";
import { ShapeError } from "../contract/errors.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { checkFlag, checkOptions } from "../contract/options.js";
import type { Shape, Tensor } from "../contract/tensor.js";
import { checkAliases } from "./aliases.js";
import { checkBackend, checkChunk, checkOperator, checkReadable, checkTensor, requireDiag } from "./check.js";
import { writeTo } from "./dispatch.js";
import { checkValues } from "./values.js";

export interface InverseOptions<T extends Tensor = Tensor> {
  /** [batch, n, n]; default: a new tensor, the caller's to dispose. */
  readonly out?: T | undefined;
  /** Rows per chunk; default: the backend's choice. */
  readonly chunk?: number | undefined;
  /** SingularError where λ = 0, ValueError where some g is positive or NaN. Default false. */
  readonly check?: boolean | undefined;
}

export interface TrilInverseOptions<T extends Tensor = Tensor> {
  /** [batch, c, c]; default: a new tensor, the caller's to dispose. */
  readonly out?: T | undefined;
}

const inverseNames = ["out", "chunk", "check"];
const trilInverseNames = ["out"];

/**
 * T⁻¹, dense and lower triangular, in O(n² r) per batch entry (reference README, equation (4)).
 * |X̂ − X|_ij ≤ 16 ε (|X| |T| |X|)_ij with |Λ| + tril(|Q||K|ᵀ, −1) for |T|; r/8 ε beyond r = 128.
 *
 * @returns [batch, n, n], zero above the diagonal: `options.out`, or a new tensor for the caller to dispose.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError, before anything is
 * written; SingularError with `check` (on a device: every `read` of the result rejects with it)
 */
export function inverse<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  options: InverseOptions<T> = {},
): T {
  checkOptions("options", options, inverseNames);
  checkBackend(backend, "inverse");
  const { batch, n, r, dtype } = checkOperator(backend, op);
  requireDiag(op);
  const { chunk } = options;
  const shape: Shape = [batch, n, n];
  if (options.out !== undefined) checkTensor(backend, "out", options.out, shape, dtype);
  checkAliases(["out", "diag", "q", "k", "decay"], [options.out, op.diag, op.q, op.k, op.decay], 1);
  checkChunk(chunk);
  checkFlag("check", options.check);
  const tell = options.check ? checkValues(backend, op, true) : undefined;
  const x = writeTo(backend, options.out, shape, dtype, (out) =>
    backend.kernels.inverse({ batch, n, r, p: n, op, out, chunk }),
  );
  tell?.(x);
  return x;
}

/**
 * Inverses of a batch of small dense lower triangular blocks: what a chunk of T becomes once its low rank is
 * multiplied out (FLA's solve_tril). |X̂ − X|_ij ≤ 4 ε (|X| |A| |X|)_ij.
 *
 * @param a [batch, c, c], c ≤ 128. Its strict upper triangle is never read.
 * @returns [batch, c, c], zero above the diagonal: `options.out`, or a new tensor for the caller to dispose.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, before anything is written
 */
export function trilInverse<T extends Tensor>(
  backend: Backend<T>,
  a: T,
  options: TrilInverseOptions<T> = {},
): T {
  checkOptions("options", options, trilInverseNames);
  checkBackend(backend, "trilInverse");
  checkReadable(backend, "a", a);
  const [batch, c, cols] = a.shape;
  if (c !== cols || c > MAX_TRIL_BLOCK) {
    throw new ShapeError("a", `[batch, c, c] with c ≤ ${MAX_TRIL_BLOCK}`, `[${a.shape.join(", ")}]`);
  }
  const { out } = options;
  if (out !== undefined) checkTensor(backend, "out", out, a.shape, a.dtype);
  checkAliases(["out", "a"], [out, a], 1);
  return writeTo(backend, out, a.shape, a.dtype, (to) =>
    backend.kernels.trilInverse({ batch, c, a, out: to }),
  );
}
