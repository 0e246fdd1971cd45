/**
 * The same verbs on plain arrays: typed arrays in, a promise of a typed array out. Everything a call puts on
 * the backend is disposed before its promise settles. For more than one operation on the same data, upload
 * once and use the verbs of `@dlrt/core`.
 *
 * @module
 */
import * as core from "./index.js";
import type { Backend } from "./backend.js";
import { describe } from "./describe.js";
import { ShapeError, ValueError } from "./errors.js";
import { checkShape } from "./allocation.js";
import { checkOptions } from "./options.js";
import { dtypeOf } from "./pack.js";
import type { FloatArray, Shape, Tensor } from "./tensor.js";

/** T = Λ + tril(Q Kᵀ, −1) as row-major arrays. */
export interface HostOperator {
  /** λ, batch·n elements. Absent: Λ = 0, for `apply`. */
  readonly diag?: FloatArray | undefined;
  /** batch·n·r elements */
  readonly q: FloatArray;
  /** batch·n·r elements */
  readonly k: FloatArray;
  /** [batch, n, r] */
  readonly shape: Shape;
}

export interface HostApplyOptions {
  readonly trans?: boolean;
  readonly alpha?: number;
  readonly chunk?: number;
  /** Z₀, batch·r·p elements */
  readonly state?: FloatArray;
  /** Filled with the final Z, batch·r·p elements; may be `state` itself. */
  readonly finalState?: FloatArray;
}

export interface HostSolveOptions extends HostApplyOptions {
  readonly check?: boolean;
}

/** The gradients of a call, shaped as what they are gradients of. */
export interface HostGradients<Y extends FloatArray> {
  readonly diag: Y;
  readonly q: Y;
  readonly k: Y;
}

/** Elements of `data` per row of the batch·n rows. @throws ShapeError unless whole */
function columns(argument: string, data: FloatArray, rows: number): number {
  dtypeOf(argument, data);
  if (rows === 0 ? data.length !== 0 : data.length % rows !== 0) {
    throw new ShapeError(argument, `a multiple of batch·n = ${rows} elements`, `${data.length}`);
  }
  return rows === 0 ? 0 : data.length / rows;
}

/** One call's tensors, all disposed at its end. */
class Call<T extends Tensor> {
  readonly #live: T[] = [];

  constructor(readonly backend: Backend<T>) {
    if (typeof backend !== "object" || backend === null || !("kernels" in backend)) {
      throw new ValueError("backend", "a Backend", describe(backend));
    }
  }

  keep(t: T): T {
    this.#live.push(t);
    return t;
  }

  put(argument: string, data: FloatArray, shape: Shape): T {
    dtypeOf(argument, data);
    const expected = core.elementCount(shape);
    if (data.length !== expected) {
      throw new ShapeError(
        argument,
        `${expected} elements, [${shape.join(", ")}]`,
        `${data.length} elements`,
      );
    }
    return this.keep(this.backend.upload({ data, shape }));
  }

  operator(op: HostOperator): core.DiagLowRankTril<T> {
    if (typeof op !== "object" || op === null) throw new ValueError("op", "a HostOperator", describe(op));
    checkShape("shape", op.shape);
    const [batch, n] = op.shape;
    const q = this.put("q", op.q, op.shape);
    const k = this.put("k", op.k, op.shape);
    return op.diag === undefined ? { q, k } : { diag: this.put("diag", op.diag, [batch, n, 1]), q, k };
  }

  dispose(): void {
    for (const t of this.#live) t.dispose();
  }
}

async function withCall<T extends Tensor, R>(
  backend: Backend<T>,
  body: (call: Call<T>) => Promise<R>,
): Promise<R> {
  const call = new Call(backend);
  try {
    return await body(call);
  } finally {
    call.dispose();
  }
}

const applyNames = ["trans", "alpha", "chunk", "state", "finalState"];
const solveNames = [...applyNames, "check"];

async function chunked<T extends Tensor>(
  verb: typeof core.solve | typeof core.apply,
  backend: Backend<T>,
  op: HostOperator,
  [name, rhs]: readonly [string, FloatArray],
  given: HostSolveOptions,
  names: readonly string[],
): Promise<FloatArray> {
  checkOptions("options", given, names);
  const { state, finalState, ...options } = given;
  return withCall(backend, async (call) => {
    const on = call.operator(op);
    const [batch, n, r] = op.shape;
    const p = columns(name, rhs, batch * n);
    const shape: Shape = [batch, r, p];
    const right = call.put(name, rhs, [batch, n, p]);
    const z = state && call.put("state", state, shape);
    const zFinal = finalState && (finalState === state ? z : call.put("finalState", finalState, shape));
    const y = call.keep(verb(backend, on, right, { ...options, state: z, finalState: zFinal }));
    const result = await backend.read(y);
    if (zFinal) finalState.set(await backend.read(zFinal));
    return result;
  });
}

/**
 * α op(T)⁻¹ (B − F Z₀): see `solve` of `@dlrt/core`.
 * @param b batch·n·p elements; p is found from its length
 * @returns batch·n·p elements, of b's type
 * @throws (rejects with) ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError,
 * SingularError
 */
export function solve<A extends FloatArray>(
  backend: Backend,
  op: HostOperator,
  b: A,
  options: HostSolveOptions = {},
): Promise<A> {
  return chunked(core.solve, backend, op, ["b", b], options, solveNames) as Promise<A>;
}

/**
 * α (op(T) X + F Z₀): see `apply` of `@dlrt/core`.
 * @param x batch·n·p elements
 * @returns batch·n·p elements, of x's type
 */
export function apply<A extends FloatArray>(
  backend: Backend,
  op: HostOperator,
  x: A,
  options: HostApplyOptions = {},
): Promise<A> {
  return chunked(core.apply, backend, op, ["x", x], options, applyNames) as Promise<A>;
}

/** T⁻¹, batch·n·n elements: see `inverse` of `@dlrt/core`. */
export function inverse(
  backend: Backend,
  op: HostOperator,
  options: { readonly chunk?: number; readonly check?: boolean } = {},
): Promise<FloatArray> {
  return withCall(backend, async (call) => {
    checkOptions("options", options, ["chunk", "check"]);
    return backend.read(call.keep(core.inverse(backend, call.operator(op), options)));
  });
}

/** The inverses of lower triangular blocks, shape [batch, c, c]: see `trilInverse` of `@dlrt/core`. */
export function trilInverse<A extends FloatArray>(backend: Backend, a: A, shape: Shape): Promise<A> {
  return withCall(backend, async (call) => {
    checkShape("shape", shape);
    return backend.read(call.keep(core.trilInverse(backend, call.put("a", a, shape)))) as Promise<A>;
  });
}

/** Σ log |λᵢ| per batch entry: see `logAbsDet` of `@dlrt/core`. */
export function logAbsDet(backend: Backend, op: HostOperator): Promise<Float64Array> {
  return withCall(backend, async (call) => core.logAbsDet(backend, call.operator(op)));
}

/** T, dense, batch·n·n elements: see `materialize` of `@dlrt/core`. */
export function materialize(backend: Backend, op: HostOperator): Promise<FloatArray> {
  return withCall(backend, async (call) =>
    backend.read(call.keep(core.materialize(backend, call.operator(op)))),
  );
}

interface HostVjpOptions {
  readonly trans?: boolean;
  readonly alpha?: number;
  readonly chunk?: number;
}

const vjpNames = ["trans", "alpha", "chunk"];

async function gradients<A extends FloatArray, N extends string>(
  verb: (
    b: Backend,
    op: core.DiagLowRankTril,
    y: Tensor,
    cotangent: Tensor,
    options: HostVjpOptions,
  ) => object,
  backend: Backend,
  op: HostOperator,
  [name, primal, cotangent]: readonly [string, A, A],
  options: HostVjpOptions,
  names: readonly string[],
): Promise<HostGradients<A> & Record<N, A>> {
  checkOptions("options", options, names);
  return withCall(backend, async (call) => {
    const on = call.operator(op);
    const [batch, n] = op.shape;
    const shape: Shape = [batch, n, columns(name, primal, batch * n)];
    const tensors = verb(
      backend,
      on,
      call.put(name, primal, shape),
      call.put("cotangent", cotangent, shape),
      options,
    );
    const entries = Object.entries(tensors) as [string, Tensor][];
    for (const [, t] of entries) call.keep(t);
    const read = entries.map(async ([key, t]) => [key, await backend.read(t)]);
    return Object.fromEntries(await Promise.all(read));
  });
}

/** Gradients of `solve`: see `solveVjp` of `@dlrt/core`. `y` is what `solve` returned. */
export function solveVjp<A extends FloatArray>(
  backend: Backend,
  op: HostOperator,
  y: A,
  cotangent: A,
  options: HostVjpOptions = {},
): Promise<HostGradients<A> & { readonly b: A }> {
  return gradients<A, "b">(core.solveVjp, backend, op, ["y", y, cotangent], options, vjpNames);
}

/** Gradients of `apply`: see `applyVjp` of `@dlrt/core`. */
export function applyVjp<A extends FloatArray>(
  backend: Backend,
  op: HostOperator,
  x: A,
  cotangent: A,
  options: HostVjpOptions = {},
): Promise<HostGradients<A> & { readonly x: A }> {
  return gradients<A, "x">(core.applyVjp, backend, op, ["x", x, cotangent], options, vjpNames);
}

/** Gradients of `inverse`: see `inverseVjp` of `@dlrt/core`. `y` is what `inverse` returned. */
export function inverseVjp<A extends FloatArray>(
  backend: Backend,
  op: HostOperator,
  y: A,
  cotangent: A,
  options: { readonly chunk?: number } = {},
): Promise<HostGradients<A>> {
  return gradients<A, never>(core.inverseVjp, backend, op, ["y", y, cotangent], options, ["chunk"]);
}
