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
  /** b, one a key channel: [B, T, H·K] */
  readonly erase: T;
  /** w, one a column of the value: [B, T, H·V] */
  readonly write: T;
  /** g ≤ 0, the logarithm of the decay, one a key channel: [B, T, H·K] */
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
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
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
 * Gradients of `gatedDeltaRule2` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
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
