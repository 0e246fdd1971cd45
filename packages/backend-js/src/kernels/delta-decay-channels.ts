/**
 * Decay by one number for each row and channel in a fused delta rule, whose rows of P and Q are visited together.
 * `decay-channels.ts` explains how such a decay is computed.
 */
import { decayRow, decayWithRunning, loadFactors } from "./decay-channels.js";
import type { DeltaWalk } from "./delta-walk.js";
import { loadTransposed } from "./pack.js";
import { ceil4, COUPLING, DECAYED, F, FACTORS, GT, RUNNING, scratch } from "./scratch.js";

const S = scratch;

/**
 * Replaces Kᵀ in GT by K̃ᵀ, for `rank` channels from channel k on, and puts the chunk's factors at POWER and REST. With
 * `couple` it also replaces P and Q in F by P̃ and Q̃, and adds to both couplings.
 */
export function decayTwo(
  walk: DeltaWalk,
  i: number,
  rows: number,
  k: number,
  rank: number,
  couple: boolean,
): void {
  const { chunk, gaps } = walk;
  const ld = ceil4(rank);
  for (let m = 0; m < ld; m++)
    for (let t = 0; t < rows; t++) S[DECAYED + t * ld + m] = m < rank ? S[GT + m * chunk + t]! : 0;
  loadFactors(gaps!, false, i, rows, k, rank, ld);
  S.fill(1, RUNNING, RUNNING + ld);
  for (let v = 0; v < rows; v++) {
    const factors = FACTORS + v * ld;
    const p = F + v * ld;
    const q = p + chunk * ld;
    const toS = COUPLING + v * chunk;
    const toM = toS + chunk * chunk;
    for (let w = 0; w < v; w++) {
      if (couple && walk.queries) decayAndDots(toS + w, toM + w, DECAYED + w * ld, factors, p, q, ld);
      else {
        decayRow(DECAYED + w * ld, factors, ld);
        if (couple) addDot(toS + w, DECAYED + w * ld, p, ld);
      }
    }
    if (!couple) continue;
    decayWithRunning(p, factors, ld);
    if (!walk.queries) continue;
    addDot(toM + v, DECAYED + v * ld, q, ld);
    decayRow(q, RUNNING, ld);
  }
  loadTransposed(GT, chunk, S, DECAYED, ld, rows, rank);
}

/** The number of products that reach the sum at once, in two chains of 16, because the roundings of one long chain would add up. */
const CUT = 32;

/** Multiplies a row by its factors, and adds its dot products with p and q to the elements at `toP` and `toQ`. `n` is a multiple of 4. */
function decayAndDots(
  toP: number,
  toQ: number,
  row: number,
  factors: number,
  p: number,
  q: number,
  n: number,
): void {
  let totalP = S[toP]!;
  let totalQ = S[toQ]!;
  for (let from = 0; from < n; from += CUT) {
    const end = Math.min(from + CUT, n);
    let p0 = 0;
    let p1 = 0;
    let q0 = 0;
    let q1 = 0;
    for (let m = from; m < end; m += 2) {
      const at = (row + m) | 0;
      const by = (factors + m) | 0;
      const ofP = (p + m) | 0;
      const ofQ = (q + m) | 0;
      const g0 = S[at]! * S[by]!;
      const g1 = S[(at + 1) | 0]! * S[(by + 1) | 0]!;
      S[at] = g0;
      S[(at + 1) | 0] = g1;
      p0 += S[ofP]! * g0;
      p1 += S[(ofP + 1) | 0]! * g1;
      q0 += S[ofQ]! * g0;
      q1 += S[(ofQ + 1) | 0]! * g1;
    }
    totalP += p0 + p1;
    totalQ += q0 + q1;
  }
  S[toP] = totalP;
  S[toQ] = totalQ;
}

/** Adds x·y to the element at `to`. `n` is a multiple of 4. */
function addDot(to: number, x: number, y: number, n: number): void {
  let total = S[to]!;
  for (let from = 0; from < n; from += CUT) {
    const end = Math.min(from + CUT, n);
    let s0 = 0;
    let s1 = 0;
    for (let m = from; m < end; m += 2) {
      s0 += S[(x + m) | 0]! * S[(y + m) | 0]!;
      s1 += S[(x + m + 1) | 0]! * S[(y + m + 1) | 0]!;
    }
    total += s0 + s1;
  }
  S[to] = total;
}
