/**
 * Decay by one number for each row and channel. E_ij is then a vector, and each of the chunk's products f_iᵀ (E_ij ∘
 * g_j) a sum of its own. A copy of G_c decays as the rows are visited, so that row i reads it as it then is; after the
 * last row it is G̃.
 */
import { exponentials, storePair } from "./exp.js";
import { loadRows, loadTransposed } from "./pack.js";
import type { Rows } from "./rows.js";
import { ceil4, COUPLING, DECAYED, F, FACTORS, GT, HIGH, LOW, RUNNING, scratch } from "./scratch.js";
import type { Walk } from "./walk.js";

const S = scratch;

/**
 * For the channels from k on and the rows visited from i on: puts F̃ in the place of F_c, G̃ᵀ in GT and the chunk's
 * factors at POWER and REST. With `couple` it also adds to COUPLING tril(F_c G_cᵀ ∘ E, −1).
 */
export function decayChannels(
  walk: Walk,
  i: number,
  rows: number,
  k: number,
  rank: number,
  couple: boolean,
): void {
  const { g, chunk } = walk;
  const ld = ceil4(rank);
  loadRows(DECAYED, ld, g.data, g.start + i * g.stride + k, g.stride, rows, rank, 1);
  loadFactors(walk.gaps!, walk.trans, i, rows, k, rank, ld);
  S.fill(1, RUNNING, RUNNING + ld);
  for (let v = 0; v < rows; v++) {
    const factors = FACTORS + v * ld;
    const f = F + v * ld;
    for (let w = 0; w < v; w++) {
      if (couple) decayAndDot(COUPLING + v * chunk + w, DECAYED + w * ld, factors, f, ld);
      else decayRow(DECAYED + w * ld, factors, ld);
    }
    if (couple) decayWithRunning(f, factors, ld);
  }
  if (walk.trans) for (let w = 0; w < rows; w++) decayRow(DECAYED + w * ld, FACTORS + rows * ld, ld);
  loadTransposed(GT, chunk, S, DECAYED, ld, rows, rank);
}

/**
 * Computes e^g of `cols` columns, from k on, of the rows visited from i on. The factors go to FACTORS, and their
 * products to POWER and REST. Row v of FACTORS is what Z decays by between the rows v − 1 and v: the gap of row v or,
 * transposed, of row v − 1, in which case the first row is 1 and one more row follows. Each row is padded with zeros up
 * to `ld`.
 */
export function loadFactors(
  { data, start, stride }: Rows,
  trans: boolean,
  i: number,
  rows: number,
  k: number,
  cols: number,
  ld: number,
): void {
  const first = trans ? FACTORS + ld : FACTORS;
  if (trans) S.fill(1, FACTORS, first);
  loadRows(first, ld, data, start + i * stride + k, stride, rows, cols, 1);
  S.fill(0, HIGH, HIGH + cols);
  S.fill(0, LOW, LOW + cols);
  for (let v = 0; v < rows; v++) exponentials((first + v * ld) | 0, cols);
  for (let m = 0; m < cols; m++) storePair(m, S[HIGH + m]!, S[LOW + m]!);
}

/** Multiplies a row by `factors`, element by element. */
export function decayRow(row: number, factors: number, n: number): void {
  for (let m = 0; m < n; m++) S[(row + m) | 0] = S[(row + m) | 0]! * S[(factors + m) | 0]!;
}

/** Multiplies RUNNING by `factors`, and the row by RUNNING. */
export function decayWithRunning(row: number, factors: number, n: number): void {
  for (let m = 0; m < n; m++) {
    const up = S[(RUNNING + m) | 0]! * S[(factors + m) | 0]!;
    S[(RUNNING + m) | 0] = up;
    S[(row + m) | 0] = S[(row + m) | 0]! * up;
  }
}

/**
 * The number of products that reach the sum in one chain. They are four chains of 8, because the roundings of one long
 * chain would add up.
 */
const CUT = 32;

/** Does `decayRow`, and adds the dot product of the row and f to the element at `to`. `n` is a multiple of 4. */
function decayAndDot(to: number, row: number, factors: number, f: number, n: number): void {
  let total = S[to]!;
  for (let from = 0; from < n; from += CUT) {
    const end = Math.min(from + CUT, n);
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let m = from; m < end; m += 4) {
      const at = (row + m) | 0;
      const by = (factors + m) | 0;
      const of = (f + m) | 0;
      const g0 = S[at]! * S[by]!;
      const g1 = S[(at + 1) | 0]! * S[(by + 1) | 0]!;
      const g2 = S[(at + 2) | 0]! * S[(by + 2) | 0]!;
      const g3 = S[(at + 3) | 0]! * S[(by + 3) | 0]!;
      S[at] = g0;
      S[(at + 1) | 0] = g1;
      S[(at + 2) | 0] = g2;
      S[(at + 3) | 0] = g3;
      s0 += S[of]! * g0;
      s1 += S[(of + 1) | 0]! * g1;
      s2 += S[(of + 2) | 0]! * g2;
      s3 += S[(of + 3) | 0]! * g3;
    }
    total += s0 + s1 + (s2 + s3);
  }
  S[to] = total;
}
