import type { FloatArray } from "@dlrt/core";
import type { Padding } from "../src/index.js";

type Side = Padding["side"];

export const sides = ["left", "right"] as const;

/** Tells where the padded rows are of a batch of sequences with these lengths, in T = `tokens` rows each. */
export function paddedBatch(tokens: number, lengths: Int32Array) {
  /** Returns the first row of sequence n that counts. */
  const startOf = (side: Side, n: number): number => (side === "left" ? tokens - lengths[n]! : 0);
  const isPadded = (side: Side, row: number): boolean => {
    const [n, t] = [Math.floor(row / tokens), row % tokens];
    return t < startOf(side, n) || t >= startOf(side, n) + lengths[n]!;
  };
  /** Returns a copy of an array [B, T, columns] with `value` in the padded rows; several rows for each token are columns of it. */
  const spoil = <A extends FloatArray>(data: A, side: Side, value: number): A => {
    const columns = data.length / (lengths.length * tokens);
    return data.map((x, at) => (isPadded(side, Math.floor(at / columns)) ? value : x)) as A;
  };
  return { startOf, spoil };
}
