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
  /**
   * g ≤ 0, the natural logarithm of the factor by which the state decays before the first step: [B, T, H], or [B, T, 1] for all heads.
   * Default: no decay
   */
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
 * S ← e^g S;  n times, j = 1 … n:  S ← S + k_j [β_j (v_j − Sᵀk_j)]ᵀ;  o = scale · Sᵀ q: DeltaProduct, which takes n steps of the delta
 * rule for each token. The rows of `key` tell n.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From Siems and others, "DeltaProduct", arXiv 2502.10297, with the gate of flash-linear-attention.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
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
 * Computes the gradients of `gatedDeltaProduct` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
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
