/** What a fused delta rule reads of a chunk's rows, with gates and normalisation done on the way into the scratch. */
import type { FloatArray } from "@dlrt/core";
import type { DeltaWalk } from "./delta-walk.js";
import { loadRows, loadTransposed } from "./pack.js";
import type { Rows } from "./rows.js";
import { ceil4, F, GT, KEY_NORM, PIVOT, QUERY_NORM, scratch } from "./scratch.js";

const S = scratch;

/** 1/√(Σx² + eps) of the rows of key and query from i on, or 1. */
export function loadNorms({ q, k, r, eps }: DeltaWalk, i: number, rows: number): void {
  if (eps === undefined) {
    S.fill(1, KEY_NORM, KEY_NORM + rows);
    S.fill(1, QUERY_NORM, QUERY_NORM + rows);
    return;
  }
  for (let t = 0; t < rows; t++) {
    S[KEY_NORM + t] = 1 / Math.sqrt(squares(k.data, k.start + (i + t) * k.stride, r) + eps);
    S[QUERY_NORM + t] = 1 / Math.sqrt(squares(q.data, q.start + (i + t) * q.stride, r) + eps);
  }
}

function squares(data: FloatArray, start: number, n: number): number {
  return data instanceof Float32Array ? squares32(data, start, n) : squares64(data, start, n);
}

function squares32(data: Float32Array, start: number, n: number): number {
  let sum = 0;
  for (let m = 0; m < n; m++) sum += data[(start + m) | 0]! * data[(start + m) | 0]!;
  return sum;
}

/** In four chains, that roundings do not add up as in one. */
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

/** Columns j.. of the right-hand side at `to`: w ∘ v, or v where PIVOT multiplies by β; elsewhere PIVOT is 1. */
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
  loadRows(to, ld, v.data, v.start + i * v.stride + j, v.stride, rows, columns, 1);
  S.fill(1, PIVOT, PIVOT + ceil4(rows));
  if (w === undefined) {
    for (let t = 0; t < rows; t++) S[PIVOT + t] = e.data[e.start + (i + t) * e.stride]!;
  } else multiplyRows(to, ld, w, walk.scalarWrite, i, j, rows, columns);
}

/** Rows of the scratch times those of a gate, of which there is one number a row or as many as columns from j on. */
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

/** Kᵀ of channels k.. in GT and q in the second half of F, normalised; −P in the first, where not PIVOT makes P of k. */
export function loadFactorsOf(walk: DeltaWalk, i: number, rows: number, k: number, rank: number): void {
  const { q, chunk, e, w, scalarErase, eps } = walk;
  const ld = ceil4(rank);
  loadKeys(walk, i, rows, k, rank);
  const queries = F + chunk * ld;
  loadRows(queries, ld, q.data, q.start + i * q.stride + k, q.stride, rows, rank, 1);
  if (eps !== undefined) for (let t = 0; t < rows; t++) scaleRow(queries + t * ld, S[QUERY_NORM + t]!, rank);
  const { data, start, stride } = walk.k;
  loadRows(F, ld, data, start + i * stride + k, stride, rows, rank, -1);
  if (eps !== undefined) for (let t = 0; t < rows; t++) scaleRow(F + t * ld, S[KEY_NORM + t]!, rank);
  if (w !== undefined) multiplyRows(F, ld, e, scalarErase, i, k, rows, rank);
}

/** Kᵀ of channels k.. in GT. */
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
