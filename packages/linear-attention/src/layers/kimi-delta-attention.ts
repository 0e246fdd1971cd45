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
  /** β, [B, T, H], one number for each head of the state; or [B, T, 1], one for all heads */
  readonly beta: T;
  /** g ≤ 0, the natural logarithm of the factor by which the state decays, one for each key channel: [B, T, H·K] */
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
 * S ← diag(e^g) S;  S ← S + k [β (v − Sᵀk)]ᵀ;  o = scale · Sᵀ q: Kimi Delta Attention, a gated delta rule with one gate for
 * each key channel.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From Kimi Team, "Kimi Linear", arXiv 2510.26692.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
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
 * Computes the gradients of `kimiDeltaAttention` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
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
