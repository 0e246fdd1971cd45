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
  /** β, [B, T, H], one number for each head of the state; or [B, T, 1], one for all heads */
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
 * S ← S + k [β (v − Sᵀk)]ᵀ;  o = scale · Sᵀ q: the delta rule of DeltaNet. β may be anything from 0 to 2.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From Yang and others, "Parallelizing Linear Transformers with the Delta Rule over Sequence Length", arXiv 2406.06484.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
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
 * Computes the gradients of `deltaRule` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
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
