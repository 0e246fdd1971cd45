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
  /** g ≤ 0, the logarithm of the decay, [B, T, H] or [B, T, 1] */
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
 * S ← e^g S + k vᵀ;  o = scale · Sᵀ q: gated linear attention with one gate a head.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
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
 * Gradients of `simpleGla` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
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
