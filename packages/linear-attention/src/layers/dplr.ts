import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perKeyChannel, query, value, type Rule } from "../engine/rule.js";
import { diagonalPlusLowRank } from "../engine/low-rank.js";

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
  /** g ≤ 0, the logarithm of the decay, one a key channel: [B, T, H·K] */
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
  scratch: 1,
  map: diagonalPlusLowRank,
};

/**
 * S ← (diag(e^g) + b aᵀ) S + k vᵀ;  o = scale · Sᵀ q: diagonal plus low rank, where a reads the state before it decays.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
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
 * Gradients of `dplr` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
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
