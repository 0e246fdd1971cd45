import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, query, value, type Rule } from "../engine/rule.js";

export interface LinearAttentionInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
}

export const rule: Rule = {
  inputs: {
    query,
    key,
    value,
  },
  map: ({ mix }, { query, key, value }) => mix({ query: query!, key: key!, value: value! }),
};

/**
 * S ← S + k vᵀ;  o = scale · Sᵀ q: linear attention without a feature map and without a normaliser.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From Katharopoulos and others, "Transformers are RNNs", arXiv 2006.16236.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function linearAttention<T extends Tensor>(
  backend: Backend<T>,
  inputs: LinearAttentionInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Computes the gradients of `linearAttention` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
 * @throws as `linearAttention`
 */
export function linearAttentionVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: LinearAttentionInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<LinearAttentionInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<LinearAttentionInputs<T>, T>;
}
