import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perKeyChannel, query, value, type Rule } from "../engine/rule.js";

export interface GlaInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** g ≤ 0, the logarithm of the decay, one a key channel: [B, T, H·K] */
  readonly decay: T;
}

export const rule: Rule = {
  inputs: {
    query,
    key,
    value,
    decay: perKeyChannel,
  },
  map: ({ mix }, { query, key, value, decay }) => mix({ query: query!, key: key!, value: value!, decay }),
};

/**
 * S ← diag(e^g) S + k vᵀ;  o = scale · Sᵀ q: gated linear attention with one gate a key channel.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function gla<T extends Tensor>(
  backend: Backend<T>,
  inputs: GlaInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Gradients of `gla` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
 * @throws as `gla`
 */
export function glaVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: GlaInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<GlaInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<GlaInputs<T>, T>;
}
