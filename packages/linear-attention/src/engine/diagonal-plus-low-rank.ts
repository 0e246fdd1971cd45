import type { Tensor } from "@dlrt/core";
import type { Mapping } from "./rule.js";
import type { Value } from "./tape.js";

/**
 * The mapping of S ← (diag(e^g) + b aᵀ) S + k vᵀ, in three rows for each token and with a scratch channel beside the K of the state. It
 * holds for any decay, g = −∞ included:
 *
 *     row 0   decays the scratch channel by −∞, which wipes it, reads aᵀS, and writes that into the scratch channel
 *     row 1   decays the other channels by g, and adds b times what the scratch channel holds
 *     row 2   adds k vᵀ, after which the query reads
 *
 * Two rows would do with a ∘ e^(−g) in place of a, but that overflows where the decay is strong.
 */
export function diagonalPlusLowRank<T extends Tensor>(
  { mix, tape, batch, tokens, keyWidth, valueWidth, stateHeads }: Mapping<T>,
  inputs: Readonly<Record<string, Value<T>>>,
): Value<T> {
  const { query, key, value, a, b, decay } = inputs;
  const sizes = (heads: number) => [3, heads, keyWidth + 1] as const;
  const keyHeads = key!.heads === b!.heads ? key!.heads : stateHeads;
  const output = mix({
    query: tape.place(batch, tokens, sizes(query!.heads), [{ value: query!, row: 2 }]),
    key: tape.place(batch, tokens, sizes(keyHeads), [
      { value: 1, row: 0, column: keyWidth },
      { value: b!, row: 1 },
      { value: key!, row: 2 },
    ]),
    eraseRows: tape.place(batch, tokens, sizes(a!.heads), [
      { value: a!, row: 0, alpha: -1 },
      { value: -1, row: 1, column: keyWidth },
    ]),
    value: tape.place(batch, tokens, [3, value!.heads, valueWidth], [{ value: value!, row: 2 }]),
    decay: tape.place(batch, tokens, sizes(decay!.heads), [
      { value: -Infinity, row: 0, column: keyWidth },
      { value: decay!, row: 1 },
    ]),
  });
  return tape.take(output, 2, 3);
}
