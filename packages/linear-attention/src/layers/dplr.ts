import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perKeyChannel, query, value, type Rule } from "../engine/rule.js";
import { diagonalPlusLowRank } from "../engine/diagonal-plus-low-rank.js";

export interface DplrInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** [B, T, H·K] */
  readonly a: T;
  /** [B, T, H·K] */
  readonly b: T;
  /** g ≤ 0, the natural logarithm of the factor by which the state decays, one for each key channel: [B, T, H·K] */
  readonly decay: T;
}

export const rule: Rule = {
  inputs: {
    query,
    key,
    value,
    a: perKeyChannel,
    b: perKeyChannel,
    decay: perKeyChannel,
  },
  scratchChannels: 1,
  map: diagonalPlusLowRank,
};

/**
 * S ← (diag(e^g) + b aᵀ) S + k vᵀ;  o = scale · Sᵀ q: diagonal plus low rank, where a reads the state before it decays.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From flash-linear-attention, `fla/ops/generalized_delta_rule/dplr`.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function dplr<T extends Tensor>(
  backend: Backend<T>,
  inputs: DplrInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Computes the gradients of `dplr` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
 * @throws as `dplr`
 */
export function dplrVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: DplrInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<DplrInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<DplrInputs<T>, T>;
}
