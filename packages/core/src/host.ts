/**
 * The same verbs on plain arrays: typed arrays in, a promise of a typed array out. Everything a call puts on
 * the backend is disposed before its promise settles. For more than one operation on the same data, upload
 * once and use the verbs of `@dlrt/core`.
 *
 * @module
 */
import { checkShape } from "./contract/allocation.js";
import type { Backend } from "./contract/backend.js";
import { checkOptions } from "./contract/options.js";
import { fillArray } from "./contract/pack.js";
import type { FloatArray, Shape, Tensor } from "./contract/tensor.js";
import { columns, withCall, type HostOperator } from "./host-call.js";
import * as core from "./index.js";

export type { HostOperator } from "./host-call.js";
export * from "./host-gradients.js";

export interface HostApplyOptions {
  readonly trans?: boolean | undefined;
  readonly alpha?: number | undefined;
  readonly chunk?: number | undefined;
  /** Z₀, batch·r·p elements */
  readonly initialState?: FloatArray | undefined;
  /** Filled with the final Z, batch·r·p elements; may be `initialState` itself. */
  readonly finalState?: FloatArray | undefined;
}

export interface HostSolveOptions extends HostApplyOptions {
  readonly check?: boolean | undefined;
}

const applyNames = ["trans", "alpha", "chunk", "initialState", "finalState"];
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
  const { initialState, finalState, ...options } = given;
  return withCall(backend, async (call) => {
    const on = call.operator(op);
    const [batch, n, r] = op.shape;
    const p = columns(name, rhs, op.shape, ["initialState", initialState], ["finalState", finalState]);
    const shape: Shape = [batch, r, p];
    const right = call.put(name, rhs, [batch, n, p]);
    const z = initialState === undefined ? undefined : call.put("initialState", initialState, shape);
    let zFinal = finalState === initialState ? z : undefined;
    if (finalState !== undefined) zFinal ??= call.put("finalState", finalState, shape);
    const y = call.own(verb(backend, on, right, { ...options, initialState: z, finalState: zFinal }));
    const result = await backend.read(y);
    if (zFinal !== undefined) fillArray("finalState", finalState!, await backend.read(zFinal));
    return result;
  });
}

/**
 * α op(T)⁻¹ (B − F Z₀): see `solve` of `@dlrt/core`.
 * @param b batch·n·p elements; p is found from its length, and for n = 0 from that of `state` or `finalState`
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
  options: Pick<HostSolveOptions, "chunk" | "check"> = {},
): Promise<FloatArray> {
  return withCall(backend, async (call) => {
    checkOptions("options", options, ["chunk", "check"]);
    return backend.read(call.own(core.inverse(backend, call.operator(op), options)));
  });
}

/** The inverses of lower triangular blocks, shape [batch, c, c]: see `trilInverse` of `@dlrt/core`. */
export function trilInverse<A extends FloatArray>(backend: Backend, a: A, shape: Shape): Promise<A> {
  return withCall(backend, async (call) => {
    checkShape("shape", shape);
    return backend.read(call.own(core.trilInverse(backend, call.put("a", a, shape)))) as Promise<A>;
  });
}

/** Σ log |λᵢ| per batch entry: see `logAbsDet` of `@dlrt/core`. */
export function logAbsDet(backend: Backend, op: HostOperator): Promise<Float64Array> {
  return withCall(backend, async (call) => core.logAbsDet(backend, call.operator(op)));
}

/** T, dense, batch·n·n elements: see `materialize` of `@dlrt/core`. */
export function materialize(backend: Backend, op: HostOperator): Promise<FloatArray> {
  return withCall(backend, async (call) =>
    backend.read(call.own(core.materialize(backend, call.operator(op)))),
  );
}
