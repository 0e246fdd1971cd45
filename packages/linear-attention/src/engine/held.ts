import type { Tensor } from "@dlrt/core";
import type { CheckedLayer, Inputs } from "./check.js";
import type { LayerOptions } from "./options.js";
import type { Rule } from "./rule.js";

/** Whoever keeps the states of a call between calls: it computes the output and updates them. */
export interface Held<T extends Tensor> {
  step(rule: Rule, inputs: Inputs<T>, call: CheckedLayer): T;
}

/** The name of the option by which a `State` reaches the engine through a layer's function. It is nobody else's. */
const name = Symbol("held states");

export function hold<T extends Tensor>(options: LayerOptions<T>, held: Held<T>): LayerOptions<T> {
  return { ...options, [name]: held } as LayerOptions<T>;
}

export function heldIn<T extends Tensor>(options: LayerOptions<T>): Held<T> | undefined {
  return (options as { readonly [name]?: Held<T> })[name];
}
