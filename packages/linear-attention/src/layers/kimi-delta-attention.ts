import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perHead, perKeyChannel, query, value, type Rule } from "../engine/rule.js";

export interface KimiDeltaAttentionInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** [B, T, H]: one number a head of the state, or [B, T, 1] */
  readonly beta: T;
  /** g ≤ 0, the logarithm of the decay, one a key channel: [B, T, H·K] */
  readonly decay: T;
}

export const rule: Rule = {
  inputs: {
    query,
    key,
    value,
    beta: perHead,
    decay: perKeyChannel,
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
 * S ← diag(e^g) S;  S ← S + k [β (v − Sᵀk)]ᵀ;  o = scale · Sᵀ q: Kimi Delta Attention, a gated delta rule with a gate a key
 * channel.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function kimiDeltaAttention<T extends Tensor>(
  backend: Backend<T>,
  inputs: KimiDeltaAttentionInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Gradients of `kimiDeltaAttention` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
 * @throws as `kimiDeltaAttention`
 */
export function kimiDeltaAttentionVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: KimiDeltaAttentionInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<KimiDeltaAttentionInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<KimiDeltaAttentionInputs<T>, T>;
}
