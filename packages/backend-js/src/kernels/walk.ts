import type { FloatArray } from "@dlrt/core";

/** One direction of the recursion: F and G are Q and K with rows from the first to the last, or exchanged and reversed. */
export interface Walk {
  readonly f: FloatArray;
  readonly g: FloatArray;
  readonly n: number;
  readonly r: number;
  /** rows per chunk */
  readonly chunk: number;
  readonly trans: boolean;
  /** −1 negates F, so that what is subtracted can be added. */
  readonly sign: 1 | -1;
}

/** Where the i-th row visited of a [batch, n, cols] tensor starts. */
export function rowOffset(walk: Walk, batch: number, i: number, cols: number): number {
  return (batch * walk.n + (walk.trans ? walk.n - 1 - i : i)) * cols;
}

/** Distance from one visited row to the next. */
export function rowStride(walk: Walk, cols: number): number {
  return walk.trans ? -cols : cols;
}
