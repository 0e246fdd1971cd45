import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perHead, query, value, type Rule } from "../engine/rule.js";

export interface DeltaRuleInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** [B, T, H]: one number a head of the state, or [B, T, 1] */
  readonly beta: T;
}

export const rule: Rule = {
  inputs: {
    query,
    key,
    value,
    beta: perHead,
  },
  map: ({ mix }, { query, key, value, beta }) =>
    mix({
      query: query!,
      key: key!,
      value: value!,
      erase: beta!,
    }),
};

/**
 * S ← S + k [β (v − Sᵀk)]ᵀ;  o = scale · Sᵀ q: the delta rule of DeltaNet. β from 0 to 2.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function deltaRule<T extends Tensor>(
  backend: Backend<T>,
  inputs: DeltaRuleInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Gradients of `deltaRule` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
 * @throws as `deltaRule`
 */
export function deltaRuleVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: DeltaRuleInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<DeltaRuleInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<DeltaRuleInputs<T>, T>;
}
