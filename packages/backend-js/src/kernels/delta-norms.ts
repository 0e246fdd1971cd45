import type { FloatArray } from "@dlrt/core";
import type { DeltaWalk } from "./delta-walk.js";
import { ERASE_NORM, KEY_NORM, QUERY_NORM, scratch } from "./scratch.js";

const S = scratch;

/** Computes 1/√(Σx² + eps) of every key, query and erase key of the rows from i on, or 1 where rows are not normalised. */
export function loadNorms({ q, k, p, r, eps }: DeltaWalk, i: number, rows: number): void {
  if (eps === undefined) {
    S.fill(1, KEY_NORM, KEY_NORM + rows);
    S.fill(1, QUERY_NORM, QUERY_NORM + rows);
    S.fill(1, ERASE_NORM, ERASE_NORM + rows);
    return;
  }
  for (let t = 0; t < rows; t++) {
    S[KEY_NORM + t] = inverseNorm(k.data, k.start + (i + t) * k.stride, r, eps);
    S[QUERY_NORM + t] = inverseNorm(q.data, q.start + (i + t) * q.stride, r, eps);
    if (p) S[ERASE_NORM + t] = inverseNorm(p.data, p.start + (i + t) * p.stride, r, eps);
  }
}

function inverseNorm(data: FloatArray, start: number, n: number, eps: number): number {
  const sum = squares(data, start, n) + eps;
  return sum < Infinity ? 1 / Math.sqrt(sum) : inverseLargeNorm(data, start, n);
}

/**
 * Computes the same where the squares overflow. eps is negligible then, and the squares are those of the elements
 * divided by the largest one.
 */
function inverseLargeNorm(data: FloatArray, start: number, n: number): number {
  let largest = 0;
  for (let m = 0; m < n; m++) largest = Math.max(largest, Math.abs(data[start + m]!));
  let sum = 0;
  for (let m = 0; m < n; m++) sum += (data[start + m]! / largest) ** 2;
  return 1 / Math.sqrt(sum) / largest;
}

function squares(data: FloatArray, start: number, n: number): number {
  return data instanceof Float32Array ? squares32(data, start, n) : squares64(data, start, n);
}

function squares32(data: Float32Array, start: number, n: number): number {
  let sum = 0;
  for (let m = 0; m < n; m++) sum += data[(start + m) | 0]! * data[(start + m) | 0]!;
  return sum;
}

/** Sums the squares in four chains, because the roundings of a single one would add up. */
function squares64(data: FloatArray, start: number, n: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let m = 0;
  for (; m + 3 < n; m += 4) {
    s0 += data[start + m]! * data[start + m]!;
    s1 += data[start + m + 1]! * data[start + m + 1]!;
    s2 += data[start + m + 2]! * data[start + m + 2]!;
    s3 += data[start + m + 3]! * data[start + m + 3]!;
  }
  for (; m < n; m++) s0 += data[start + m]! * data[start + m]!;
  return s0 + s1 + (s2 + s3);
}
