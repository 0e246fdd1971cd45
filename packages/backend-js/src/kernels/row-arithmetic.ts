/** Arithmetic of single rows of the scratch, and of a tensor's row with one of them. */
import type { FloatArray } from "@dlrt/core";
import { KEYS, KEYS_BAR, ROWS_BAR, scratch } from "./scratch.js";

const S = scratch;

export function store(data: FloatArray, to: number, from: number, n: number): void {
  for (let m = 0; m < n; m++) data[(to + m) | 0] = S[(from + m) | 0]!;
}

/** Returns the dot product of two rows of the scratch, summed in chains of at most 16 products. */
export function dot(x: number, y: number, n: number): number {
  let total = 0;
  for (let from = 0; from < n; from += 64) {
    const end = Math.min(from + 64, n);
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let m = from;
    for (; m < end - 3; m += 4) {
      s0 += S[(x + m) | 0]! * S[(y + m) | 0]!;
      s1 += S[(x + m + 1) | 0]! * S[(y + m + 1) | 0]!;
      s2 += S[(x + m + 2) | 0]! * S[(y + m + 2) | 0]!;
      s3 += S[(x + m + 3) | 0]! * S[(y + m + 3) | 0]!;
    }
    for (; m < end; m++) s0 += S[(x + m) | 0]! * S[(y + m) | 0]!;
    total += s0 + s1 + (s2 + s3);
  }
  return total;
}

/** Returns the dot product of a row of a tensor and one of the scratch, summed in chains of at most 16 products. */
export function dotWith(data: FloatArray, at: number, y: number, n: number): number {
  let total = 0;
  for (let from = 0; from < n; from += 64) {
    const end = Math.min(from + 64, n);
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let m = from;
    for (; m < end - 3; m += 4) {
      s0 += data[(at + m) | 0]! * S[(y + m) | 0]!;
      s1 += data[(at + m + 1) | 0]! * S[(y + m + 1) | 0]!;
      s2 += data[(at + m + 2) | 0]! * S[(y + m + 2) | 0]!;
      s3 += data[(at + m + 3) | 0]! * S[(y + m + 3) | 0]!;
    }
    for (; m < end; m++) s0 += data[(at + m) | 0]! * S[(y + m) | 0]!;
    total += s0 + s1 + (s2 + s3);
  }
  return total;
}

export function storeScaled(data: FloatArray, to: number, from: number, by: number, n: number): void {
  for (let m = 0; m < n; m++) data[(to + m) | 0] = by * S[(from + m) | 0]!;
}

export function storeGated(
  data: FloatArray,
  to: number,
  from: number,
  gate: FloatArray,
  at: number,
  n: number,
): void {
  for (let m = 0; m < n; m++) data[(to + m) | 0] = gate[(at + m) | 0]! * S[(from + m) | 0]!;
}

export function subtractScaled(to: number, from: number, by: number, n: number): void {
  for (let m = 0; m < n; m++) S[(to + m) | 0] = S[(to + m) | 0]! - by * S[(from + m) | 0]!;
}

export function subtractGated(to: number, from: number, gate: FloatArray, at: number, n: number): void {
  for (let m = 0; m < n; m++) S[(to + m) | 0] = S[(to + m) | 0]! - gate[(at + m) | 0]! * S[(from + m) | 0]!;
}

/** Replaces ȳ by x̄ = (ȳ − y (y·ȳ)) / √(x·x + eps). `along` is y·ȳ, and `norm` is 1 over the root. */
export function unnormalize(bar: number, y: number, along: number, norm: number, n: number): void {
  for (let m = 0; m < n; m++) S[(bar + m) | 0] = (S[(bar + m) | 0]! - along * S[(y + m) | 0]!) * norm;
}

/** Adds P ∘ P̄ + Q ∘ Q̄ − K ∘ K̄ of one row to the sums of `n` channels from channel k on. */
export function addGaps(
  sums: Float64Array,
  k: number,
  p: number,
  q: number,
  own: number,
  ownQ: number,
  n: number,
): void {
  for (let m = 0; m < n; m++) {
    const read =
      S[(p + m) | 0]! * S[(ROWS_BAR + own + m) | 0]! + S[(q + m) | 0]! * S[(ROWS_BAR + ownQ + m) | 0]!;
    sums[(k + m) | 0] = sums[(k + m) | 0]! + (read - S[(KEYS + own + m) | 0]! * S[(KEYS_BAR + own + m) | 0]!);
  }
}
