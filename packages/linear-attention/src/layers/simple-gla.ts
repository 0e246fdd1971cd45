import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perHead, query, value, type Rule } from "../engine/rule.js";

export interface SimpleGlaInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** g ≤ 0, the natural logarithm of the factor by which the state decays: [B, T, H], or [B, T, 1] for all heads */
  readonly decay: T;
}

export const rule: Rule = {
  inputs: {
    query,
    key,
    value,
    decay: perHead,
  },
  map: ({ mix }, { query, key, value, decay }) => mix({ query: query!, key: key!, value: value!, decay }),
};

/**
 * S ← e^g S + k vᵀ;  o = scale · Sᵀ q: gated linear attention with one gate for each head.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From Yang and others, "Gated Linear Attention Transformers", arXiv 2312.06635, the case of one gate for each head.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function simpleGla<T extends Tensor>(
  backend: Backend<T>,
  inputs: SimpleGlaInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Computes the gradients of `simpleGla` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
 * @throws as `simpleGla`
 */
export function simpleGlaVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: SimpleGlaInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<SimpleGlaInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<SimpleGlaInputs<T>, T>;
}
