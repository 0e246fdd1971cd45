import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perKeyChannel, perValueColumn, query, value, type Rule } from "../engine/rule.js";

export interface GatedDeltaRule2Inputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** b, one number for each key channel: [B, T, H·K] */
  readonly erase: T;
  /** w, one number for each column of the value: [B, T, H·V] */
  readonly write: T;
  /** g ≤ 0, the natural logarithm of the factor by which the state decays, one for each key channel: [B, T, H·K] */
  readonly decay: T;
}

export const rule: Rule = {
  inputs: {
    query,
    key,
    value,
    erase: perKeyChannel,
    write: perValueColumn,
    decay: perKeyChannel,
  },
  map: ({ mix }, { query, key, value, erase, write, decay }) =>
    mix({
      query: query!,
      key: key!,
      value: value!,
      erase: erase!,
      write: write!,
      decay,
    }),
};

/**
 * S ← diag(e^g) S;  S ← S + k [w ∘ v − Sᵀ(b ∘ k)]ᵀ;  o = scale · Sᵀ q: Gated DeltaNet-2, where one gate erases (b) and another
 * writes (w).
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From flash-linear-attention, `fla/ops/gdn2`.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function gatedDeltaRule2<T extends Tensor>(
  backend: Backend<T>,
  inputs: GatedDeltaRule2Inputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Computes the gradients of `gatedDeltaRule2` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
 * @throws as `gatedDeltaRule2`
 */
export function gatedDeltaRule2Vjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: GatedDeltaRule2Inputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<GatedDeltaRule2Inputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<GatedDeltaRule2Inputs<T>, T>;
}
