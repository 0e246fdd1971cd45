import { newFloatArray, type Backend, type Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, query, value, type Rule } from "../engine/rule.js";

export interface RetentionInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** [B, T, Hv·V] */
  readonly value: T;
}

export const rule: Rule = {
  inputs: {
    query,
    key,
    value,
  },
  map: ({ mix, tape, batch, tokens, stateHeads }, { query, key, value }) => {
    const { backend, dtype } = tape.scope;
    const logOfGamma = newFloatArray(dtype, stateHeads).map((_, head) => Math.log1p(-(2 ** (-5 - head))));
    const tensor = tape.scope.own(backend.upload({ data: logOfGamma, shape: [1, 1, stateHeads] }));
    const decayOfHeads = tape.value({ tensor, heads: stateHeads, width: 1 }, true);
    const decay = tape.repeat(decayOfHeads, batch, tokens);
    return mix({ query: query!, key: key!, value: value!, decay });
  },
};

/**
 * S ← γ_h S + k vᵀ;  o = scale · Sᵀ q with γ_h = 1 − 2^(−5−h) for head h of the state: the retention of RetNet, without its
 * rotation and normalisation.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From Sun and others, "Retentive Network", arXiv 2307.08621.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function retention<T extends Tensor>(
  backend: Backend<T>,
  inputs: RetentionInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Computes the gradients of `retention` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
 * @throws as `retention`
 */
export function retentionVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: RetentionInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<RetentionInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<RetentionInputs<T>, T>;
}
