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

/** Does with a layer's rule and its checked call what somebody else wants of it, and gives what the call is to return as its output. */
export type Step<T extends Tensor> = (rule: Rule, inputs: Inputs<T>, call: CheckedLayer) => T;

/** The name of the option by which a step reaches the engine through a layer's function. It is nobody else's. */
const name = Symbol("step");

export function heldIn<T extends Tensor>(options: LayerOptions<T>): Step<T> | undefined {
  return (options as { readonly [name]?: Step<T> })[name];
}

/**
 * Calls a layer so that `step` is in the place of the computation: a layer is known by its function alone, and nobody lists them.
 * @returns the call's output
 * @throws ValueError (layer), and as the layer's checks
 */
export function callHeld<T extends Tensor, I>(
  layer: LayerFunction<I, T>,
  backend: Backend<T>,
  inputs: I,
  options: LayerOptions<T>,
  step: Step<T>,
): T {
  if (typeof layer !== "function") throw new ValueError("layer", "a layer's function", describe(layer));
  let calls = 0;
  const held: Step<T> = (...of) => {
    calls++;
    return step(...of);
  };
  const result = layer(backend, inputs, options && ({ ...options, [name]: held } as LayerOptions<T>));
  if (calls !== 1) throw new ValueError("layer", "a layer of this package", `${calls} calls of one`);
  return result.output;
}
