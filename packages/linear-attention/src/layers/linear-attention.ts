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
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
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
 * Gradients of `linearAttention` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
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
