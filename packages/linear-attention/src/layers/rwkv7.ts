import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perKeyChannel, query, value, type Rule } from "../engine/rule.js";
import { diagonalPlusLowRank } from "../engine/diagonal-plus-low-rank.js";

export interface Rwkv7Inputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly r: T;
  /** ≤ 0, the natural logarithm of the factor by which the state decays, one for each key channel: [B, T, H·K] */
  readonly w: T;
  /** [B, T, Hk·K] */
  readonly k: T;
  /** [B, T, Hv·V] */
  readonly v: T;
  /** [B, T, H·K] */
  readonly a: T;
  /** [B, T, H·K] */
  readonly b: T;
}

export const rule: Rule = {
  inputs: {
    r: query,
    w: perKeyChannel,
    k: key,
    v: value,
    a: perKeyChannel,
    b: perKeyChannel,
  },
  scale: 1,
  scratchChannels: 1,
  map: (mapping, { r, w, k, v, a, b }) =>
    diagonalPlusLowRank(mapping, { query: r!, key: k!, value: v!, decay: w!, a: a!, b: b! }),
};

/**
 * S ← diag(e^w) S + b (aᵀS) + k vᵀ;  o = scale · Sᵀ r, scale 1 unless given: RWKV-7, where a reads the state before it decays. w is the
 * logarithm of the decay. In the model's own names a is −κ̂, and b is κ̂ ∘ η.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From Peng and others, "RWKV-7 Goose", arXiv 2503.14456.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function rwkv7<T extends Tensor>(
  backend: Backend<T>,
  inputs: Rwkv7Inputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Computes the gradients of `rwkv7` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
 * @throws as `rwkv7`
 */
export function rwkv7Vjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: Rwkv7Inputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<Rwkv7Inputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<Rwkv7Inputs<T>, T>;
}
