/** Loads the rows of a chunk of a fused delta rule into the scratch, and gates and normalises them on the way. */
import type { FloatArray } from "@dlrt/core";
import { highPart, limited, storePair } from "./exp.js";
import type { DeltaWalk } from "./delta-walk.js";
import { clearRows, copyRows, loadRows, loadTransposed } from "./pack.js";
import type { Rows } from "./rows.js";
import {
  ceil4,
  ERASE_NORM,
  F,
  GT,
  KEY_NORM,
  KEYS,
  PIVOT,
  QUERY_NORM,
  RAW,
  scratch,
  TOUCHED,
} from "./scratch.js";

const S = scratch;

/** Loads −w ∘ v, for the columns from j on, to `to`, with −1 at PIVOT. Where β is the write gate, it loads −v, with −β at PIVOT. */
export function loadWritten(
  walk: DeltaWalk,
  i: number,
  rows: number,
  j: number,
  to: number,
  ld: number,
  columns: number,
): void {
  const { v, w, e } = walk;
  loadRows(to, ld, v.data, v.start + i * v.stride + j, v.stride, rows, columns, -1);
  S.fill(-1, PIVOT, PIVOT + ceil4(rows));
  if (w === undefined) {
    for (let t = 0; t < rows; t++) S[PIVOT + t] = -e.data[e.start + (i + t) * e.stride]!;
  } else multiplyRows(to, ld, w, walk.scalarWrite, i, j, rows, columns);
}

/** Multiplies rows of the scratch by those of a gate, which has one number for each row, or one for each of the columns from j on. */
function multiplyRows(
  to: number,
  ld: number,
  { data, start, stride }: Rows,
  scalar: boolean,
  i: number,
  j: number,
  rows: number,
  columns: number,
): void {
  for (let t = 0; t < rows; t++) {
    const row = to + t * ld;
    const gate = start + (i + t) * stride + (scalar ? 0 : j);
    if (scalar) scaleRow(row, data[gate]!, columns);
    else multiplyRow(row, data, gate, columns);
  }
}

function scaleRow(row: number, by: number, n: number): void {
  for (let m = row | 0; m < ((row + n) | 0); m++) S[m] = by * S[m]!;
}

function multiplyRow(row: number, data: FloatArray, gate: number, n: number): void {
  for (let m = 0; m < n; m++) S[(row + m) | 0] = S[(row + m) | 0]! * data[(gate + m) | 0]!;
}

/** Returns where `loadFactorsOf` puts the rows of K. */
export const keysOf = ({ w, p }: DeltaWalk): number => (w || p ? KEYS : F);

/**
 * Loads `rank` channels from channel k on, normalised: Kᵀ to GT, P and Q to F, and K to KEYS. Where PIVOT holds β, the
 * key itself, or the erase key, stands in F for P, because β is multiplied in later; a key that stands in F is not
 * copied to KEYS.
 */
export function loadFactorsOf(walk: DeltaWalk, i: number, rows: number, k: number, rank: number): void {
  loadKeyRows(walk, keysOf(walk), i, rows, k, rank);
  if (walk.w !== undefined) loadErase(walk, i, rows, k, rank, 1);
  else if (walk.p) loadNormalized(walk.p, walk, ERASE_NORM, F, i, rows, k, rank);
  if (walk.queries) loadQueries(walk, i, rows, k, rank);
}

/**
 * Loads `rank` channels of keys or queries, from channel k on, to `to`. Where rows are normalised, it multiplies each
 * by the number that `loadNorms` has put at `norms`.
 */
function loadNormalized(
  { data, start, stride }: Rows,
  { eps }: DeltaWalk,
  norms: number,
  to: number,
  i: number,
  rows: number,
  k: number,
  rank: number,
): void {
  const ld = ceil4(rank);
  loadRows(to, ld, data, start + i * stride + k, stride, rows, rank, 1);
  if (eps !== undefined) for (let t = 0; t < rows; t++) scaleRow(to + t * ld, S[norms + t]!, rank);
}

/** Loads `rank` channels of K, from channel k on, to `to` and, transposed, to GT. */
function loadKeyRows(walk: DeltaWalk, to: number, i: number, rows: number, k: number, rank: number): void {
  loadNormalized(walk.k, walk, KEY_NORM, to, i, rows, k, rank);
  loadTransposed(GT, walk.chunk, S, to, ceil4(rank), rows, rank);
}

/** Loads P, times `sign`, to F: from K in KEYS, or from erase keys of their own, which are left in RAW. */
function loadErase(walk: DeltaWalk, i: number, rows: number, k: number, rank: number, sign: 1 | -1): void {
  const { e, p, scalarErase } = walk;
  const ld = ceil4(rank);
  if (p) loadNormalized(p, walk, ERASE_NORM, RAW, i, rows, k, rank);
  copyRows(F, ld, p ? RAW : KEYS, ld, rows, ld, sign);
  multiplyRows(F, ld, e, scalarErase, i, k, rows, rank);
}

function loadQueries(walk: DeltaWalk, i: number, rows: number, k: number, rank: number): void {
  loadNormalized(walk.q, walk, QUERY_NORM, F + walk.chunk * ceil4(rank), i, rows, k, rank);
}

/**
 * Loads `rank` channels from channel k on for the backward pass: K to KEYS and, transposed, to GT, −P and Q to F, and
 * zeros in the rows that the last chunk lacks.
 */
export function loadRawRows(walk: DeltaWalk, i: number, rows: number, k: number, rank: number): void {
  const { chunk } = walk;
  const ld = ceil4(rank);
  loadKeyRows(walk, KEYS, i, rows, k, rank);
  loadErase(walk, i, rows, k, rank, -1);
  loadQueries(walk, i, rows, k, rank);
  if (rows === chunk) return;
  clearRows(F + rows * ld, ld, chunk - rows, ld);
  clearRows(F + (chunk + rows) * ld, ld, chunk - rows, ld);
}

/** Loads Kᵀ of `rank` channels, from channel k on, to GT. */
export function loadKeys(
  { k: key, chunk, eps }: DeltaWalk,
  i: number,
  rows: number,
  k: number,
  rank: number,
): void {
  loadTransposed(GT, chunk, key.data, key.start + i * key.stride + k, key.stride, rows, rank);
  if (eps === undefined) return;
  for (let m = 0; m < rank; m++) {
    const row = (GT + m * chunk) | 0;
    for (let t = 0; t < rows; t++) S[(row + t) | 0] = S[(row + t) | 0]! * S[(KEY_NORM + t) | 0]!;
  }
}

/** Loads a single row: P and q to F, k to KEYS, and the two parts of e^g to POWER and REST. */
export function loadTokenRows(walk: DeltaWalk): void {
  const { r, decay, gaps } = walk;
  const ld = ceil4(r);
  loadKey(walk, r, ld);
  if (decay === "none") return;
  const { data, start } = gaps!;
  for (let m = 0; m < (decay === "channel" ? r : 1); m++) {
    const gap = limited(data[start + m]!);
    const high = highPart(gap);
    storePair(m, high, gap - high);
  }
}

function loadKey({ k, p, q, e, scalarErase }: DeltaWalk, r: number, ld: number): void {
  const [ofKey, ofQuery] = [S[KEY_NORM]!, S[QUERY_NORM]!];
  for (let m = 0; m < r; m++) {
    const key = ofKey * k.data[k.start + m]!;
    S[KEYS + m] = key;
    const erasing = p ? S[ERASE_NORM]! * p.data[p.start + m]! : key;
    S[F + m] = erasing * e.data[e.start + (scalarErase ? 0 : m)]!;
    S[F + ld + m] = ofQuery * q.data[q.start + m]!;
  }
}

/**
 * Touches every 16th element of the `rows` rows of k, q, v, p and `beside` from row i on: one in each cache line of
 * f32. The rows of a head lie far apart in memory, and their cache lines are so on their way while the chunk before is
 * computed.
 */
export function readAhead(
  { k, q, v, p, r }: DeltaWalk,
  beside: Rows,
  i: number,
  rows: number,
  j: number,
  columns: number,
): void {
  const touched = touch(k, i, rows, 0, r) + touch(q, i, rows, 0, r) + (p ? touch(p, i, rows, 0, r) : 0);
  S[TOUCHED] = touched + touch(v, i, rows, j, columns) + touch(beside, i, rows, j, columns);
}

function touch({ data, start, stride }: Rows, i: number, rows: number, j: number, n: number): number {
  let sum = 0;
  for (let t = 0; t < rows; t++) {
    const at = (start + (i + t) * stride + j) | 0;
    for (let m = 0; m < n; m += 16) sum += data[(at + m) | 0]!;
  }
  return sum;
}
