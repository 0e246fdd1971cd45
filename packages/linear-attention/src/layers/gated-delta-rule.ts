import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perHead, query, value, type Rule } from "../engine/rule.js";

export interface GatedDeltaRuleInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** [B, T, H]: one number a head of the state, or [B, T, 1] */
  readonly beta: T;
  /** g ≤ 0, the logarithm of the decay, [B, T, H] or [B, T, 1] */
  readonly decay: T;
}

export const rule: Rule = {
  inputs: {
    query,
    key,
    value,
    beta: perHead,
    decay: perHead,
  },
  map: ({ mix }, { query, key, value, beta, decay }) =>
    mix({
      query: query!,
      key: key!,
      value: value!,
      erase: beta!,
      decay,
    }),
};

/**
 * S ← e^g S;  S ← S + k [β (v − Sᵀk)]ᵀ;  o = scale · Sᵀ q: Gated DeltaNet, the mixer of Qwen3-Next and Qwen3.5.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function gatedDeltaRule<T extends Tensor>(
  backend: Backend<T>,
  inputs: GatedDeltaRuleInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Gradients of `gatedDeltaRule` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
 * @throws as `gatedDeltaRule`
 */
export function gatedDeltaRuleVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: GatedDeltaRuleInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<GatedDeltaRuleInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<GatedDeltaRuleInputs<T>, T>;
}
