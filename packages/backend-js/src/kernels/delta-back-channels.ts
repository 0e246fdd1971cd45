/**
 * The backward pass through a chunk in which every channel decays by itself. FACTORS holds e^g of its rows, and RAW
 * holds P and Q from before they decayed.
 */
import { decayRow, decayWithRunning } from "./decay-channels.js";
import { copyRows } from "./pack.js";
import {
  COUPLING_BAR,
  DECAYED,
  FACTORS,
  KEYS,
  KEYS_BAR,
  RAW,
  ROWS_BAR,
  RUNNING,
  scratch,
} from "./scratch.js";

const S = scratch;

/** Multiplies B̄ Zᵀ and Ō Zᵀ in ROWS_BAR by up, and adds the sums over the rows of K, of which a copy decays from row to row. */
export function backThroughReads(chunk: number, rows: number, ld: number): void {
  copyRows(DECAYED, ld, KEYS, ld, rows, ld, 1);
  S.fill(1, RUNNING, RUNNING + ld);
  for (let v = 0; v < rows; v++) {
    const factors = FACTORS + v * ld;
    const p = ROWS_BAR + v * ld;
    const q = p + chunk * ld;
    decayWithRunning(p, factors, ld);
    decayRow(q, RUNNING, ld);
    const ofP = COUPLING_BAR + v * chunk;
    const ofQ = ofP + chunk * chunk;
    for (let w = 0; w < v; w++) decayAndAdd(p, q, DECAYED + w * ld, factors, S[ofP + w]!, S[ofQ + w]!, ld);
    addRow(q, DECAYED + v * ld, S[ofQ + v]!, ld);
  }
}

/** Multiplies U Z̄ᵀ in KEYS_BAR by dn, and adds what P and Q have read of K, from the last row to the first. */
export function backThroughChannels(chunk: number, rows: number, ld: number): void {
  for (let v = rows - 1; v >= 0; v--) {
    const factors = FACTORS + v * ld;
    const p = RAW + v * ld;
    const q = p + chunk * ld;
    const ofP = COUPLING_BAR + v * chunk;
    const ofQ = ofP + chunk * chunk;
    for (let w = 0; w < v; w++) addAndDecay(KEYS_BAR + w * ld, p, q, factors, S[ofP + w]!, S[ofQ + w]!, ld);
    addRow(KEYS_BAR + v * ld, q, S[ofQ + v]!, ld);
  }
}

/** Multiplies a row by its factors, and adds a times it to row p and b times it to row q. */
function decayAndAdd(
  p: number,
  q: number,
  row: number,
  factors: number,
  a: number,
  b: number,
  n: number,
): void {
  for (let m = 0; m < n; m++) {
    const x = S[(row + m) | 0]! * S[(factors + m) | 0]!;
    S[(row + m) | 0] = x;
    S[(p + m) | 0] = S[(p + m) | 0]! + a * x;
    S[(q + m) | 0] = S[(q + m) | 0]! + b * x;
  }
}

/** Adds a times row p and b times row q to a row, and then multiplies that by its factors. */
function addAndDecay(
  row: number,
  p: number,
  q: number,
  factors: number,
  a: number,
  b: number,
  n: number,
): void {
  for (let m = 0; m < n; m++) {
    const sum = S[(row + m) | 0]! + (a * S[(p + m) | 0]! + b * S[(q + m) | 0]!);
    S[(row + m) | 0] = sum * S[(factors + m) | 0]!;
  }
}

function addRow(to: number, from: number, by: number, n: number): void {
  for (let m = 0; m < n; m++) S[(to + m) | 0] = S[(to + m) | 0]! + by * S[(from + m) | 0]!;
}
