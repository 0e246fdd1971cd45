/** Gradients on plain arrays: part of `@dlrt/core/host`. */
import type { Backend } from "./backend.js";
import { columns, withCall, type HostOperator } from "./host-call.js";
import { checkOptions } from "./options.js";
import type { FloatArray, Shape } from "./tensor.js";
import * as vjp from "./vjp.js";

/** The gradients of a call, shaped as what they are gradients of. */
export interface HostGradients<Y extends FloatArray> {
  readonly diag: Y;
  readonly q: Y;
  readonly k: Y;
}

/** The gradient of Z₀, batch·r·p elements; there when `state` was given. */
export interface HostStateGradient<Y extends FloatArray> {
  readonly state?: Y;
}

/** The options of the forward call, and what came back through its final state. */
export interface HostVjpOptions {
  readonly trans?: boolean | undefined;
  readonly alpha?: number | undefined;
  readonly chunk?: number | undefined;
  /** Z₀ of the forward call, batch·r·p elements. Its gradient is then returned too. */
  readonly state?: FloatArray | undefined;
  /** Cotangent of the forward call's final state, batch·r·p elements; default 0. */
  readonly finalStateCotangent?: FloatArray | undefined;
}

const optionNames = ["trans", "alpha", "chunk", "state", "finalStateCotangent"];

async function gradients<A extends FloatArray, N extends string>(
  verb: typeof vjp.solveVjp | typeof vjp.applyVjp,
  backend: Backend,
  op: HostOperator,
  [name, primal, cotangent]: readonly [string, A, A],
  options: HostVjpOptions,
): Promise<HostGradients<A> & HostStateGradient<A> & Record<N, A>> {
  checkOptions("options", options, optionNames);
  const { state, finalStateCotangent, ...others } = options;
  return withCall(backend, async (call) => {
    const on = call.operator(op);
    const [batch, n, r] = op.shape;
    const states = [
      ["state", state],
      ["finalStateCotangent", finalStateCotangent],
    ] as const;
    const p = columns(name, primal, op.shape, ...states);
    const [z, zBar] = states.map(([key, data]) =>
      data === undefined ? undefined : call.put(key, data, [batch, r, p]),
    );
    const shape: Shape = [batch, n, p];
    const y = call.put(name, primal, shape);
    const yBar = call.put("cotangent", cotangent, shape);
    return call.readAll(verb(backend, on, y, yBar, { ...others, state: z, finalStateCotangent: zBar }));
  });
}

/** Gradients of `solve`: see `solveVjp` of `@dlrt/core`. `y` is what `solve` returned. */
export function solveVjp<A extends FloatArray>(
  backend: Backend,
  op: HostOperator,
  y: A,
  cotangent: A,
  options: HostVjpOptions = {},
): Promise<HostGradients<A> & HostStateGradient<A> & { readonly b: A }> {
  return gradients<A, "b">(vjp.solveVjp, backend, op, ["y", y, cotangent], options);
}

/** Gradients of `apply`: see `applyVjp` of `@dlrt/core`. */
export function applyVjp<A extends FloatArray>(
  backend: Backend,
  op: HostOperator,
  x: A,
  cotangent: A,
  options: HostVjpOptions = {},
): Promise<HostGradients<A> & HostStateGradient<A> & { readonly x: A }> {
  return gradients<A, "x">(vjp.applyVjp, backend, op, ["x", x, cotangent], options);
}

/** Gradients of `inverse`: see `inverseVjp` of `@dlrt/core`. `y` is what `inverse` returned. */
export function inverseVjp<A extends FloatArray>(
  backend: Backend,
  op: HostOperator,
  y: A,
  cotangent: A,
  options: Pick<HostVjpOptions, "chunk"> = {},
): Promise<HostGradients<A>> {
  return withCall(backend, async (call) => {
    checkOptions("options", options, ["chunk"]);
    const on = call.operator(op);
    const [batch, n] = op.shape;
    const shape: Shape = [batch, n, n];
    const tensors = [call.put("y", y, shape), call.put("cotangent", cotangent, shape)] as const;
    return call.readAll(vjp.inverseVjp(backend, on, ...tensors, options));
  });
}
