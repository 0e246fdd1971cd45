import type { Backend, KernelName, Sizes } from "../contract/backend.js";
import { describe } from "../contract/describe.js";
import { DisposedError, DtypeError, ShapeError, UnsupportedError, ValueError } from "../contract/errors.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import type { Dtype, Shape, Tensor } from "../contract/tensor.js";

/** @throws DisposedError, UnsupportedError where the backend lacks the kernel */
export function checkBackend(backend: Backend, kernel: KernelName): void {
  if (typeof backend !== "object" || backend === null || !("kernels" in backend)) {
    throw new ValueError("backend", "a Backend", describe(backend));
  }
  if (backend.disposed) throw new DisposedError("backend");
  if (backend.supports.missing?.includes(kernel)) {
    throw new UnsupportedError("backend", `one with the kernel ${kernel}`, `${backend.name} without it`);
  }
}

/**
 * A live tensor of this backend; what every operation and `read` demand of an argument.
 * @throws ValueError (no tensor, or of another backend), DisposedError
 */
export function checkReadable(backend: { readonly name: string }, argument: string, t: Tensor): void {
  if (typeof t !== "object" || t === null || !("storage" in t) || !("shape" in t)) {
    throw new ValueError(argument, "a tensor", describe(t));
  }
  if (t.backend !== backend) {
    const owner = (t.backend as { name?: unknown } | null)?.name;
    throw new ValueError(
      argument,
      `a tensor of this backend (${backend.name})`,
      `one of another (${String(owner)})`,
    );
  }
  if (t.disposed) throw new DisposedError(argument);
}

/** @throws ShapeError, DtypeError, and as `checkReadable` */
export function checkTensor(backend: Backend, argument: string, t: Tensor, shape: Shape, dtype: Dtype): void {
  checkReadable(backend, argument, t);
  if (t.shape.some((size, axis) => size !== shape[axis])) {
    throw new ShapeError(argument, `[${shape.join(", ")}]`, `[${t.shape.join(", ")}]`);
  }
  if (t.dtype !== dtype) throw new DtypeError(argument, dtype, t.dtype);
}

/**
 * Λ, Q, K and the decay fit each other and the backend; their sizes and dtype, which all other tensors of the call must
 * have.
 */
export function checkOperator(backend: Backend, op: DiagLowRankTril): Omit<Sizes, "p"> & { dtype: Dtype } {
  if (typeof op !== "object" || op === null) {
    throw new ValueError("op", "a DiagLowRankTril { diag, q, k, decay }", describe(op));
  }
  checkReadable(backend, "q", op.q);
  const [batch, n, r] = op.q.shape;
  const dtype = op.q.dtype;
  checkTensor(backend, "k", op.k, op.q.shape, dtype);
  if (op.diag !== undefined) checkTensor(backend, "diag", op.diag, [batch, n, 1], dtype);
  if (op.decay !== undefined) checkDecay(backend, op.decay, op.q);
  return { batch, n, r, dtype };
}

/** One number a row, or one a row and channel. @throws as `checkTensor`, UnsupportedError */
function checkDecay(backend: Backend, decay: Tensor, q: Tensor): void {
  checkReadable(backend, "decay", decay);
  const [batch, n, r] = q.shape;
  const columns = decay.shape[2];
  if (columns !== 1 && columns !== r) {
    throw new ShapeError(
      "decay",
      `[${batch}, ${n}, 1] or [${batch}, ${n}, ${r}]`,
      `[${decay.shape.join(", ")}]`,
    );
  }
  checkTensor(backend, "decay", decay, [batch, n, columns], q.dtype);
  const { decay: able = "none" } = backend.supports;
  if (able === "none" || (able === "row" && columns !== 1)) {
    const kind = columns === 1 ? "one number a row" : "one number a row and channel";
    throw new UnsupportedError(
      "decay",
      `an operator that ${backend.name} can express (decay: "${able}")`,
      kind,
    );
  }
}

/** @throws ValueError: solve and inverse have no meaning without Λ */
export function requireDiag<T extends Tensor>(
  op: DiagLowRankTril<T>,
): asserts op is DiagLowRankTril<T> & { readonly diag: T } {
  if (op.diag === undefined) throw new ValueError("diag", "a tensor (Λ = 0 has no inverse)", "undefined");
}

/** The tensors of an operator by name, for the alias check. */
export function operandsOf({ diag, q, k, decay }: DiagLowRankTril): [string, Tensor | undefined][] {
  return [
    ["diag", diag],
    ["q", q],
    ["k", k],
    ["decay", decay],
  ];
}

/** @throws ValueError unless undefined or an integer ≥ 1 */
export function checkChunk(chunk: number | undefined): void {
  if (chunk !== undefined && !(Number.isSafeInteger(chunk) && chunk >= 1)) {
    throw new ValueError("chunk", "an integer ≥ 1", describe(chunk));
  }
}

/** α as the dtype holds it. @throws ValueError unless finite there */
export function checkAlpha(alpha: number | undefined, dtype: Dtype): number {
  if (alpha === undefined) return 1;
  const rounded = typeof alpha === "number" && dtype === "f32" ? Math.fround(alpha) : alpha;
  if (!Number.isFinite(rounded))
    throw new ValueError("alpha", `a number finite in ${dtype}`, describe(alpha));
  return rounded;
}
