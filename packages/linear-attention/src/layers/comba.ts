import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perHead, query, value, type Rule } from "../engine/rule.js";

export interface CombaInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** p, [B, T, Hk·K]; normalised as the key where that is asked for */
  readonly erase: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** [B, T, H]: one number a head of the state, or [B, T, 1] */
  readonly beta: T;
  /** g ≤ 0, the logarithm of the decay, [B, T, H] or [B, T, 1] */
  readonly decay: T;
}

const inputs: Rule["inputs"] = { query, key, erase: key, value, beta: perHead, decay: perHead };

export const rule: Rule = {
  inputs,
  direct: {
    inputs,
    map: ({ mix }, { query, key, erase, value, beta, decay }) =>
      mix({ query: query!, key: key!, eraseKey: erase!, value: value!, erase: beta!, decay: decay! }),
  },
  scratch: 1,
  map: ({ mix, tape, batch, tokens, keyWidth, valueWidth, ...rest }, inputs) => {
    const { query, key, erase, value, beta, decay } = inputs;
    const width = keyWidth + 1;
    // Row 0 reads the state before it decays and leaves the correction in a scratch channel; row 1 decays all others and
    // writes what it finds there.
    const ones = tape.scope.repeated(1, [batch, tokens, keyWidth]);
    const channels = tape.product(tape.value({ tensor: ones, heads: 1, width: keyWidth }, true), decay!);
    const erased = tape.product(erase!, beta!);
    const written = tape.product(value!, beta!);
    const output = mix({
      query: tape.place(batch, tokens, [2, query!.heads, width], [{ value: query!, row: 1 }]),
      key: tape.place(
        batch,
        tokens,
        [2, key!.heads, width],
        [
          { value: 1, row: 0, column: keyWidth },
          { value: key!, row: 1 },
        ],
      ),
      erased: tape.place(
        batch,
        tokens,
        [2, erased.heads, width],
        [
          { value: erased, row: 0 },
          { value: -1, row: 1, column: keyWidth },
        ],
      ),
      value: tape.place(batch, tokens, [2, rest.stateHeads, valueWidth], [{ value: written, row: 0 }]),
      decay: tape.place(
        batch,
        tokens,
        [2, channels.heads, width],
        [
          { value: -Infinity, row: 0, column: keyWidth },
          { value: channels, row: 1 },
        ],
      ),
    });
    return tape.take(output, 1, 2);
  },
};

/**
 * w = β (v − Sᵀp);  S ← e^g S + k wᵀ;  o = scale · Sᵀ q: Comba, whose erase key p reads the state before it decays. Its feedback on
 * the query is the caller's.
 *
 * H are the heads of the state, as many as key or value has, whichever has more; neighbouring heads share what is fewer.
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function comba<T extends Tensor>(
  backend: Backend<T>,
  inputs: CombaInputs<T>,
  options: LayerOptions<T>,
): LayerResult<T> {
  return forward(backend, rule, inputs, options);
}

/**
 * Gradients of `comba` for every input, and for the initial state where there is one; the layer is computed once more on the way,
 * as far as nothing was kept of it.
 * @param options those of the forward call, and what it has `kept`; `finalState` plays no part
 * @throws as `comba`
 */
export function combaVjp<T extends Tensor>(
  backend: Backend<T>,
  inputs: CombaInputs<T>,
  cotangents: Cotangents<T>,
  options: VjpOptions<T>,
): Gradients<CombaInputs<T>, T> {
  return backward(backend, rule, inputs, cotangents, options) as Gradients<CombaInputs<T>, T>;
}
