import { ValueError, type Backend, type Tensor } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import type { CheckedLayer, Inputs } from "./check.js";
import type { LayerOptions, LayerResult } from "./options.js";
import type { Rule } from "./rule.js";

/** A layer of this package, or a function that hands its options on to one. */
export type LayerFunction<I, T extends Tensor> = (
  backend: Backend<T>,
  inputs: I,
  options: LayerOptions<T>,
) => LayerResult<T>;

/**
 * Computes something else of a layer's rule and its checked call than the layer does, such as its summary, and returns the tensor that the
 * call is to return as its output.
 */
export type Interceptor<T extends Tensor> = (rule: Rule, inputs: Inputs<T>, call: CheckedLayer) => T;

/** The key of the option by which an interceptor reaches the engine through a layer's function. No caller can name it. */
const interceptorKey = Symbol("interceptor");

/** Returns the interceptor that `callIntercepted` has put into the options, undefined in every other call. */
export function interceptorIn<T extends Tensor>(options: LayerOptions<T>): Interceptor<T> | undefined {
  return (options as { readonly [interceptorKey]?: Interceptor<T> })[interceptorKey];
}

/**
 * Calls a layer with `intercept` in place of its computation. A caller names a layer by its function alone, and this is how the engine
 * finds out its rule, without a list of all layers that every bundle would carry.
 * @returns the output of the call
 * @throws ValueError where `layer` is no layer of this package, and what the layer's checks throw
 */
export function callIntercepted<T extends Tensor, I>(
  layer: LayerFunction<I, T>,
  backend: Backend<T>,
  inputs: I,
  options: LayerOptions<T>,
  intercept: Interceptor<T>,
): T {
  if (typeof layer !== "function") throw new ValueError("layer", "a layer's function", describe(layer));
  let calls = 0;
  const counted: Interceptor<T> = (...of) => {
    calls++;
    return intercept(...of);
  };
  const given = options && ({ ...options, [interceptorKey]: counted } as LayerOptions<T>);
  const result = layer(backend, inputs, given);
  if (calls !== 1) throw new ValueError("layer", "a layer of this package", `${calls} calls of one`);
  return result.output;
}
