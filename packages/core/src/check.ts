import type { Backend, KernelName, Sizes } from "./backend.js";
import { describe } from "./describe.js";
import { DisposedError, DtypeError, ShapeError, UnsupportedError, ValueError } from "./errors.js";
import type { DiagLowRankTril } from "./operator.js";
import { byteSize, elementCount, type Dtype, type Shape, type Tensor } from "./tensor.js";

/** An optional named tensor of a call, for the alias check. */
export type Named = readonly [argument: string, tensor: Tensor | undefined];

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

/** Λ, Q and K fit each other; their sizes and dtype, which all other tensors of the call must have. */
export function checkOperator(backend: Backend, op: DiagLowRankTril): Omit<Sizes, "p"> & { dtype: Dtype } {
  if (typeof op !== "object" || op === null) {
    throw new ValueError("op", "a DiagLowRankTril { diag, q, k }", describe(op));
  }
  checkReadable(backend, "q", op.q);
  const [batch, n, r] = op.q.shape;
  const dtype = op.q.dtype;
  checkTensor(backend, "k", op.k, op.q.shape, dtype);
  if (op.diag !== undefined) checkTensor(backend, "diag", op.diag, [batch, n, 1], dtype);
  return { batch, n, r, dtype };
}

/** @throws ValueError: solve and inverse have no meaning without Λ */
export function requireDiag<T extends Tensor>(op: DiagLowRankTril<T>): T {
  if (op.diag === undefined) throw new ValueError("diag", "a tensor (Λ = 0 has no inverse)", "undefined");
  return op.diag;
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

/** Whether two tensors share an element. */
function overlap(a: Tensor, b: Tensor): boolean {
  return (
    a.storage === b.storage &&
    a.byteOffset < b.byteOffset + byteSize(b.shape, b.dtype) &&
    b.byteOffset < a.byteOffset + byteSize(a.shape, a.dtype)
  );
}

/**
 * No tensor written overlaps another of the call, but for the pairs allowed to be the very same tensor.
 * @throws ValueError
 */
export function checkAliases(
  written: readonly Named[],
  read: readonly Named[],
  same: readonly string[] = [],
): void {
  written.forEach(([argument, t], index) => {
    if (t === undefined || elementCount(t.shape) === 0) return;
    for (const [other, u] of [...written.slice(index + 1), ...read]) {
      if (u === undefined || !overlap(t, u)) continue;
      if (t.byteOffset === u.byteOffset && same.includes(`${argument}=${other}`)) continue;
      throw new ValueError(argument, `a tensor that does not overlap ${other}`, "one that does");
    }
  });
}
