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
    const data = newFloatArray(dtype, stateHeads).map((_, head) => Math.log1p(-(2 ** (-5 - head))));
    const tensor = tape.scope.own(backend.upload({ data, shape: [1, 1, stateHeads] }));
    const gates = tape.value({ tensor, heads: stateHeads, width: 1 }, true);
    const decay = tape.repeat(gates, batch, tokens);
    return mix({ query: query!, key: key!, value: value!, decay });
  },
};

/**
 * S ← γ_h S + k vᵀ;  o = scale · Sᵀ q with γ_h = 1 − 2^(−5−h) for head h of the state: the retention of RetNet, without its
 * rotation and normalisation.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
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
 * Gradients of `retention` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
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
