import type { Backend, Tensor } from "@dlrt/core";
import { backward, forward } from "../engine/layer.js";
import type { Cotangents, Gradients, LayerOptions, LayerResult, VjpOptions } from "../engine/options.js";
import { key, perHead, query, value, type Rule } from "../engine/rule.js";

export interface CombaInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hk·K] */
  readonly key: T;
  /** p, [B, T, Hk·K]. It is normalised where the key is */
  readonly erase: T;
  /** [B, T, Hv·V] */
  readonly value: T;
  /** β, [B, T, H], one number for each head of the state; or [B, T, 1], one for all heads */
  readonly beta: T;
  /** g ≤ 0, the natural logarithm of the factor by which the state decays: [B, T, H], or [B, T, 1] for all heads */
  readonly decay: T;
}

const inputs: Rule["inputs"] = { query, key, erase: key, value, beta: perHead, decay: perHead };

export const rule: Rule = {
  inputs,
  withoutScratch: {
    inputs,
    map: ({ mix }, { query, key, erase, value, beta, decay }) =>
      mix({ query: query!, key: key!, eraseKey: erase!, value: value!, erase: beta!, decay: decay! }),
  },
  scratchChannels: 1,
  map: ({ mix, tape, batch, tokens, keyWidth, valueWidth, ...rest }, inputs) => {
    const { query, key, erase, value, beta, decay } = inputs;
    const width = keyWidth + 1;
    // Two rows for each token. Row 0 reads the state before it decays and leaves the correction in the scratch channel, which it wipes first.
    // Row 1 decays all other channels, and writes along the key what it finds in the scratch channel.
    const ones = tape.scope.repeated(1, [batch, tokens, keyWidth]);
    const decayOfChannels = tape.product(
      tape.value({ tensor: ones, heads: 1, width: keyWidth }, true),
      decay!,
    );
    const eraseRows = tape.product(erase!, beta!);
    const writeRows = tape.product(value!, beta!);
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
      eraseRows: tape.place(
        batch,
        tokens,
        [2, eraseRows.heads, width],
        [
          { value: eraseRows, row: 0 },
          { value: -1, row: 1, column: keyWidth },
        ],
      ),
      value: tape.place(batch, tokens, [2, rest.stateHeads, valueWidth], [{ value: writeRows, row: 0 }]),
      decay: tape.place(
        batch,
        tokens,
        [2, decayOfChannels.heads, width],
        [
          { value: -Infinity, row: 0, column: keyWidth },
          { value: decayOfChannels, row: 1 },
        ],
      ),
    });
    return tape.take(output, 1, 2);
  },
};

/**
 * w = β (v − Sᵀp);  S ← e^g S + k wᵀ;  o = scale · Sᵀ q: Comba, whose erase key p reads the state before it decays. The feedback that
 * Comba puts on the query is left to the caller.
 *
 * H is the number of heads of the state: as many as key or value has, whichever has more. Neighbouring heads share what has fewer.
 * From Hu and others, "Comba", arXiv 2506.02475.
 * @returns `output`, [B, T, heads·V], and where asked `finalState`, [N·heads, K, V], and `kept`: new tensors, the caller's to dispose
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
 * Computes the gradients of `comba` for every input that was given, and for the initial state where there is one.
 * What they need of the forward pass is computed once more, unless it was `kept`.
 * @param options are those of the forward call, and its `kept`; `finalState` plays no part
 * @returns new tensors, the caller's to dispose
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
