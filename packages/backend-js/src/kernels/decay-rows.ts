/**
 * Decay by one number for each row: equations (5) to (7), where up, dn, A and E come from sums of gaps over the chunk.
 */
import { factor, highPart, limited, storePair } from "./exp.js";
import { DOWN, HIGH, LOW, scratch, UP } from "./scratch.js";
import type { Walk } from "./walk.js";

const S = scratch;

/**
 * For the rows visited from i on, writes to HIGH and LOW the sum of the gaps between the chunk's start and the reading
 * of each row, and behind them the sum over the whole chunk. e to the power of these goes to UP, e to the power of the
 * rest of the chunk to DOWN, and that of the whole chunk to POWER and REST. Forward, a row's own gap comes before the
 * row is read; transposed, after it.
 */
export function sumGaps({ gaps, trans }: Pick<Walk, "gaps" | "trans">, i: number, rows: number): void {
  const { data, start, stride } = gaps!;
  let high = 0;
  let low = 0;
  for (let v = 0; v < rows; v++) {
    const gap = limited(data[start + (i + v) * stride]!);
    const part = highPart(gap);
    if (trans) {
      S[HIGH + v] = high;
      S[LOW + v] = low;
    }
    high += part;
    low += gap - part;
    if (!trans) {
      S[HIGH + v] = high;
      S[LOW + v] = low;
    }
  }
  for (let v = 0; v < rows; v++) {
    S[UP + v] = factor(S[HIGH + v]!, S[LOW + v]!);
    S[DOWN + v] = factor(high - S[HIGH + v]!, low - S[LOW + v]!);
  }
  storePair(0, high, low);
}

/** Multiplies the coupling at `to` by E below the diagonal, element by element. */
export function decayCoupling(to: number, rows: number, chunk: number): void {
  for (let v = 1; v < rows; v++) {
    const high = S[HIGH + v]!;
    const low = S[LOW + v]!;
    for (let w = 0; w < v; w++) {
      const at = to + v * chunk + w;
      S[at] = S[at]! * factor(high - S[HIGH + w]!, low - S[LOW + w]!);
    }
  }
}

/** Multiplies row v of a block by element v of `factors`, for every v. */
export function scaleRows(block: number, ld: number, factors: number, rows: number, cols: number): void {
  for (let v = 0; v < rows; v++) {
    const by = S[factors + v]!;
    const end = (block + v * ld + cols) | 0;
    for (let at = (block + v * ld) | 0; at < end; at++) S[at] = by * S[at]!;
  }
}
