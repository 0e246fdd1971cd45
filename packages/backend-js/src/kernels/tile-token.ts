/**
 * The products of a single token: two keys read a state, and a row is added to it. They work on the state's own
 * elements; each function stands twice, once for each type of array.
 */
import { scratch } from "./scratch.js";

const S = scratch;

/** Adds to two rows at `to`, `ldt` apart, the two rows at `f`, `ldf` apart, times the r rows of Z, four at a time. */
export function readToken32(
  to: number,
  ldt: number,
  f: number,
  ldf: number,
  z: Float32Array,
  start: number,
  stride: number,
  r: number,
  n: number,
): void {
  let m = 0;
  for (; m + 3 < r; m += 4) {
    const p0 = S[f + m]!;
    const p1 = S[f + m + 1]!;
    const p2 = S[f + m + 2]!;
    const p3 = S[f + m + 3]!;
    const q0 = S[f + ldf + m]!;
    const q1 = S[f + ldf + m + 1]!;
    const q2 = S[f + ldf + m + 2]!;
    const q3 = S[f + ldf + m + 3]!;
    let i0 = (start + m * stride) | 0;
    let i1 = (i0 + stride) | 0;
    let i2 = (i1 + stride) | 0;
    let i3 = (i2 + stride) | 0;
    let t = to | 0;
    const end = (t + n) | 0;
    while (t < end) {
      const z0 = z[i0]!;
      const z1 = z[i1]!;
      const z2 = z[i2]!;
      const z3 = z[i3]!;
      S[t] = S[t]! + (p0 * z0 + p1 * z1 + (p2 * z2 + p3 * z3));
      S[(t + ldt) | 0] = S[(t + ldt) | 0]! + (q0 * z0 + q1 * z1 + (q2 * z2 + q3 * z3));
      i0 = (i0 + 1) | 0;
      i1 = (i1 + 1) | 0;
      i2 = (i2 + 1) | 0;
      i3 = (i3 + 1) | 0;
      t = (t + 1) | 0;
    }
  }
  for (; m < r; m++) {
    const [p, q, at] = [S[f + m]!, S[f + ldf + m]!, start + m * stride];
    for (let j = 0; j < n; j++) {
      const x = z[at + j]!;
      S[to + j] = S[to + j]! + p * x;
      S[to + ldt + j] = S[to + ldt + j]! + q * x;
    }
  }
}

/** Does the same for f64. */
export function readToken64(
  to: number,
  ldt: number,
  f: number,
  ldf: number,
  z: Float64Array,
  start: number,
  stride: number,
  r: number,
  n: number,
): void {
  let m = 0;
  for (; m + 3 < r; m += 4) {
    const p0 = S[f + m]!;
    const p1 = S[f + m + 1]!;
    const p2 = S[f + m + 2]!;
    const p3 = S[f + m + 3]!;
    const q0 = S[f + ldf + m]!;
    const q1 = S[f + ldf + m + 1]!;
    const q2 = S[f + ldf + m + 2]!;
    const q3 = S[f + ldf + m + 3]!;
    let i0 = (start + m * stride) | 0;
    let i1 = (i0 + stride) | 0;
    let i2 = (i1 + stride) | 0;
    let i3 = (i2 + stride) | 0;
    let t = to | 0;
    const end = (t + n) | 0;
    while (t < end) {
      const z0 = z[i0]!;
      const z1 = z[i1]!;
      const z2 = z[i2]!;
      const z3 = z[i3]!;
      S[t] = S[t]! + (p0 * z0 + p1 * z1 + (p2 * z2 + p3 * z3));
      S[(t + ldt) | 0] = S[(t + ldt) | 0]! + (q0 * z0 + q1 * z1 + (q2 * z2 + q3 * z3));
      i0 = (i0 + 1) | 0;
      i1 = (i1 + 1) | 0;
      i2 = (i2 + 1) | 0;
      i3 = (i3 + 1) | 0;
      t = (t + 1) | 0;
    }
  }
  for (; m < r; m++) {
    const [p, q, at] = [S[f + m]!, S[f + ldf + m]!, start + m * stride];
    for (let j = 0; j < n; j++) {
      const x = z[at + j]!;
      S[to + j] = S[to + j]! + p * x;
      S[to + ldt + j] = S[to + ldt + j]! + q * x;
    }
  }
}

/** Adds the `n` elements at `from` to those at `to`. */
export function addToken(to: number, from: number, n: number): void {
  for (let m = 0; m < n; m++) S[(to + m) | 0] = S[(to + m) | 0]! + S[(from + m) | 0]!;
}

/** Replaces a row of the state by `factor` times what it was, plus k times u. */
export function updateToken32(
  target: Float32Array,
  t: number,
  source: Float32Array,
  s: number,
  factor: number,
  k: number,
  u: number,
  n: number,
): void {
  for (let j = 0; j < n; j++) target[(t + j) | 0] = factor * source[(s + j) | 0]! + k * S[(u + j) | 0]!;
}

/** Does the same for f64, with the factor in its two parts: the first is a power of 2, whose product is exact. */
export function updateToken64(
  target: Float64Array,
  t: number,
  source: Float64Array,
  s: number,
  power: number,
  rest: number,
  k: number,
  u: number,
  n: number,
): void {
  for (let j = 0; j < n; j++) {
    const z = source[(s + j) | 0]!;
    target[(t + j) | 0] = power * z + (rest * z + k * S[(u + j) | 0]!);
  }
}
