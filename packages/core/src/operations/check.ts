import type { Backend, KernelName, Sizes } from "../contract/backend.js";
import { describe } from "../contract/describe.js";
import { DisposedError, DtypeError, ShapeError, UnsupportedError, ValueError } from "../contract/errors.js";
import { OwnedTensor, proxied } from "../contract/ledger.js";
import type { DeltaRuleInputs } from "../contract/layer-kernels.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { checkCount } from "../contract/options.js";
import type { Dtype, Shape, Tensor } from "../contract/tensor.js";

const nameOf = (value: unknown): string => (typeof value === "string" ? value : describe(value));

/** @throws ValueError (no backend, or a proxy of one, whose private fields cannot be read) */
export function checkIsBackend(backend: Backend): void {
  let isOne: boolean;
  try {
    isOne =
      typeof backend === "object" &&
      backend !== null &&
      "kernels" in backend &&
      backend.disposed !== undefined;
  } catch {
    throw proxied("backend", "a Backend");
  }
  if (!isOne) throw new ValueError("backend", "a Backend", describe(backend));
}

/** @throws ValueError, DisposedError, UnsupportedError where the backend lacks the kernel */
export function checkBackend(backend: Backend, kernel: KernelName): void {
  checkIsBackend(backend);
  if (backend.disposed) throw new DisposedError("backend");
  if (backend.supports.missing?.includes(kernel)) {
    throw new UnsupportedError(
      "backend",
      `one with the kernel ${kernel}`,
      `${nameOf(backend.name)} without it`,
    );
  }
}

/** @throws ValueError (no tensor, or a proxy of one) */
function checkIsTensor(argument: string, t: Tensor): void {
  let isOne: boolean;
  try {
    isOne = typeof t === "object" && t !== null && "storage" in t && "shape" in t && t.disposed !== undefined;
  } catch {
    throw proxied(argument, "a tensor");
  }
  if (!isOne) throw new ValueError(argument, "a tensor", describe(t));
  if (t instanceof OwnedTensor && !OwnedTensor.isItself(t)) throw proxied(argument, "a tensor");
}

/**
 * A live tensor of this backend; what every operation and `read` demand of an argument.
 * @throws ValueError (no tensor, a proxy of one, or of another backend), DisposedError
 */
export function checkReadable(backend: { readonly name: string }, argument: string, t: Tensor): void {
  checkIsTensor(argument, t);
  if (t.backend !== backend) {
    const [owner, name] = [nameOf((t.backend as { name?: unknown } | null)?.name), nameOf(backend.name)];
    const hint = owner === name ? ", or the backend is a proxy: unwrap it (in Vue: toRaw)" : "";
    throw new ValueError(argument, `a tensor of this backend (${name})`, `one of another (${owner})${hint}`);
  }
  if (t.disposed) throw new DisposedError(argument, t instanceof OwnedTensor ? t.loss : "");
}

/** @throws ShapeError, DtypeError, and as `checkReadable` */
export function checkTensor(backend: Backend, argument: string, t: Tensor, shape: Shape, dtype: Dtype): void {
  checkReadable(backend, argument, t);
  const got = t.shape;
  // The elements are compared by index, because the methods of frozen arrays take V8 microseconds.
  if (got[0] !== shape[0] || got[1] !== shape[1] || got[2] !== shape[2]) {
    throw new ShapeError(argument, `[${shape.join(", ")}]`, `[${got.join(", ")}]`);
  }
  if (t.dtype !== dtype) throw new DtypeError(argument, dtype, t.dtype);
}

/** @throws ValueError unless an object whose parts can be read, which a revoked proxy's cannot */
function partsOf(op: DiagLowRankTril): DiagLowRankTril {
  try {
    if (typeof op === "object") return { diag: op.diag, q: op.q, k: op.k, decay: op.decay };
  } catch {}
  throw new ValueError("op", "a DiagLowRankTril { diag, q, k, decay }", describe(op));
}

/**
 * Λ, Q, K and the decay fit each other and the backend; their sizes and dtype, which all other tensors of the call must
 * have.
 */
export function checkOperator(backend: Backend, op: DiagLowRankTril): Omit<Sizes, "p"> & { dtype: Dtype } {
  const { diag, q, k, decay } = partsOf(op);
  checkReadable(backend, "q", q);
  const { shape, dtype } = q;
  const [batch, n, r] = [shape[0], shape[1], shape[2]]; // by index, as in checkTensor
  checkTensor(backend, "k", k, [batch, n, r], dtype);
  if (diag !== undefined) checkTensor(backend, "diag", diag, [batch, n, 1], dtype);
  if (decay !== undefined) checkDecay(backend, decay, q);
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

/** @throws ValueError unless undefined or an integer ≥ 1 */
export function checkChunk(chunk: number | undefined): void {
  if (chunk !== undefined) checkCount("chunk", chunk);
}

/** α as the dtype holds it. @throws ValueError unless finite there */
export function checkAlpha(alpha: number | undefined, dtype: Dtype): number {
  if (alpha === undefined) return 1;
  const rounded = typeof alpha === "number" && dtype === "f32" ? Math.fround(alpha) : alpha;
  if (!Number.isFinite(rounded))
    throw new ValueError("alpha", `a number finite in ${dtype}`, describe(alpha));
  return rounded;
}

/** For kernels: before a row decays by channels its erase key cannot read the state. @throws UnsupportedError */
export function checkEraseKey({ key, eraseKey, decay }: DeltaRuleInputs): void {
  if (eraseKey === undefined || decay === undefined) return;
  const channels = decay.shape[2];
  if (channels !== 1 && key.shape[2] > 0)
    throw new UnsupportedError("decay", "one number a row beside an erase key", `${channels} a row`);
}
