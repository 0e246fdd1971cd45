import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perHead, query, value, type Rule } from "../engine/rule.js";
import type { Tape, Value } from "../engine/tape.js";

export interface GatedDeltaProductInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T·n, Hk·K] */
  readonly key: T;
  /** [B, T·n, Hv·V] */
  readonly value: T;
  /** [B, T·n, H] or [B, T·n, 1] */
  readonly beta: T;
  /** g ≤ 0, the logarithm of the decay before the first step, [B, T, H] or [B, T, 1]. Default: none */
  readonly decay?: T | undefined;
}

export const rule: Rule = {
  inputs: {
    query,
    key: { ...key, steps: true },
    value: { ...value, steps: true },
    beta: { ...perHead, steps: true },
    decay: { ...perHead, optional: true },
  },
  map: ({ mix, tape, batch, tokens, steps }, { query, key, value, beta, decay }) => {
    const onRow = <T extends Tensor>(at: number, on: Tape<T>, x: Value<T>): Value<T> =>
      on.place(batch, tokens, [steps, x.heads, x.width], [{ value: x, row: at }]);
    const output = mix({
      query: tape.beforeNormalizing(query!, (x) => onRow(steps - 1, tape, x)),
      key: key!,
      value: value!,
      erase: beta!,
      decay: decay && onRow(0, tape, decay),
    });
    return tape.take(output, steps - 1, steps);
  },
};

/**
 * S ← e^g S;  n times, j = 1 … n:  S ← S + k_j [β_j (v_j − Sᵀk_j)]ᵀ;  o = scale · Sᵀ q: DeltaProduct, n steps of the delta rule a
 * token, n found from the rows of `key`.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function gatedDeltaProduct<T extends Tensor>(
  backend: Backend<T>,
  inputs: GatedDeltaProductInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Gradients of `gatedDeltaProduct` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
 * @throws as `gatedDeltaProduct`
 */
export function gatedDeltaProductVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: GatedDeltaProductInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<GatedDeltaProductInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<GatedDeltaProductInputs<T>, T>;
}
