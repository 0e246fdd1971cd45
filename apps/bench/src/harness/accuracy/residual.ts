import { unitRoundoff, type FloatArray } from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import { decayedResidual } from "./decayed.js";
import type { Problem } from "../workload/problem.js";

/** What an output was judged by, in units of ε. It is right when `value ≤ limit`. */
export interface Verdict {
  readonly value: number;
  readonly limit: number;
}

export function isRight({ value, limit }: Verdict): boolean {
  return value <= limit;
}

/** A verdict as reports hold it: null is a value that is not finite, for which JSON has no number. */
export interface JudgedError {
  readonly value: number | null;
  readonly limit: number;
}

export const errorOf = ({ value, limit }: Verdict): JudgedError => ({
  value: Number.isFinite(value) ? value : null,
  limit,
});

/** What (21), (22) and (24) of the reference allow for an operator of small rank, in ε: the bench allows no more at any rank. */
export const OMEGA_LIMIT: number = gate(1);

/** How many rows are judged at a time, so that their sums stay in registers. */
const ROWS = 4;

/** One pass over four rows: acc ← F Z, Z ← Z + Gᵀ X, with Z transposed, [p, r]. */
function advance(
  [f, g, x]: readonly [Float64Array, Float64Array, Float64Array],
  z: Float64Array,
  acc: Float64Array,
  r: number,
  p: number,
): void {
  const [r2, r3] = [2 * r, 3 * r];
  for (let j = 0; j < p; j++) {
    const [x0, x1, x2, x3] = [x[j]!, x[p + j]!, x[2 * p + j]!, x[3 * p + j]!];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    const zj = j * r;
    for (let a = 0; a < r; a++) {
      const v = z[zj + a]!;
      s0 += f[a]! * v;
      s1 += f[r + a]! * v;
      s2 += f[r2 + a]! * v;
      s3 += f[r3 + a]! * v;
      z[zj + a] = v + (g[a]! * x0 + g[r + a]! * x1 + (g[r2 + a]! * x2 + g[r3 + a]! * x3));
    }
    acc[j] = s0;
    acc[p + j] = s1;
    acc[2 * p + j] = s2;
    acc[3 * p + j] = s3;
  }
}

/** acc_i += Σ_{j<i} (f_i · g_j) x_j among the four rows themselves. */
function within(
  [f, g, x]: readonly [Float64Array, Float64Array, Float64Array],
  acc: Float64Array,
  r: number,
  p: number,
): void {
  for (let i = 1; i < ROWS; i++) {
    for (let j = 0; j < i; j++) {
      let s = 0;
      for (let a = 0; a < r; a++) s += f[i * r + a]! * g[j * r + a]!;
      for (let c = 0; c < p; c++) acc[i * p + c] = acc[i * p + c]! + s * x[j * p + c]!;
    }
  }
}

/** Copies rows [i, i + 4) as they are and as absolute values; zeros past the end. */
function take(
  from: FloatArray,
  start: number,
  count: number,
  width: number,
  to: Float64Array,
  abs: Float64Array,
): void {
  for (let t = 0; t < ROWS * width; t++) {
    const v = t < count * width ? from[start + t]! : 0;
    to[t] = v;
    abs[t] = Math.abs(v);
  }
}

/**
 * max |rhs − T x|_ij / (|Λ||x| + tril(|Q||K|ᵀ, −1)|x| + weight·|rhs|)_ij in units of ε, in float64 and O(n r p).
 * Any NaN, and a residual where the scale is 0, gives Infinity. Solves judge (x, rhs) = (y, b) with weight 1:
 * that is ω, (21) of the reference. Products judge (x, y) with weight 0. With decay the terms of Q and K are as (21)
 * has them then.
 */
export function residual(problem: Problem, x: FloatArray, rhs: FloatArray, weight: 0 | 1): number {
  if (problem.decay) return decayedResidual(problem, x, rhs, weight);
  const { batch, n, r, p, diag, q, k } = problem;
  const rows = (width: number): Float64Array => new Float64Array(ROWS * width);
  const [f, g, y, fAbs, gAbs, yAbs] = [rows(r), rows(r), rows(p), rows(r), rows(r), rows(p)];
  const [acc, accAbs] = [rows(p), rows(p)];
  const [z, zAbs] = [new Float64Array(r * p), new Float64Array(r * p)];
  let worst = 0;
  for (let batchEntry = 0; batchEntry < batch; batchEntry++) {
    z.fill(0);
    zAbs.fill(0);
    for (let i = 0; i < n; i += ROWS) {
      const count = Math.min(ROWS, n - i);
      const row = batchEntry * n + i;
      take(q, row * r, count, r, f, fAbs);
      take(k, row * r, count, r, g, gAbs);
      take(x, row * p, count, p, y, yAbs);
      advance([f, g, y], z, acc, r, p);
      within([f, g, y], acc, r, p);
      advance([fAbs, gAbs, yAbs], zAbs, accAbs, r, p);
      within([fAbs, gAbs, yAbs], accAbs, r, p);
      for (let t = 0; t < count * p; t++) {
        const lambda = diag[row + Math.floor(t / p)]!;
        const right = rhs[row * p + t]!;
        const error = Math.abs(right - lambda * y[t]! - acc[t]!);
        const scale = Math.abs(lambda) * yAbs[t]! + accAbs[t]! + weight * Math.abs(right);
        if (!(error <= worst * scale)) worst = error / scale;
        if (!Number.isFinite(worst)) return Infinity;
      }
    }
  }
  return worst / unitRoundoff[problem.dtype];
}

/** ω of a solve. @param y [batch, n, p] */
export function solveOmega(problem: Problem, y: FloatArray): number {
  return residual(problem, y, problem.b, 1);
}
