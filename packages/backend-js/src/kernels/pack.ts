import type { HostTensor } from "@dlrt/core";
import { scratch } from "./scratch.js";

const S = scratch;

type FloatArray = HostTensor["data"];

/**
 * Scratch ← scale · source, `rows` × `cols`; zeros follow each row up to a multiple of 4 columns.
 * `stride` is negative where rows are visited from the last to the first.
 * The loops stand twice because one that met both element types would be slower for each.
 */
export function loadRows(
  to: number,
  ld: number,
  source: FloatArray,
  offset: number,
  stride: number,
  rows: number,
  cols: number,
  scale: number,
): void {
  for (let i = 0; i < rows; i++) {
    const t = (to + i * ld) | 0;
    const s = (offset + i * stride) | 0;
    if (source instanceof Float32Array) {
      for (let j = 0; j < cols; j++) S[(t + j) | 0] = scale * source[(s + j) | 0]!;
    } else {
      for (let j = 0; j < cols; j++) S[(t + j) | 0] = scale * source[(s + j) | 0]!;
    }
    for (let j = cols; (j & 3) !== 0; j++) S[t + j] = 0;
  }
}

/** target ← scale · scratch, `rows` × `cols`. */
export function storeRows(
  target: FloatArray,
  offset: number,
  stride: number,
  from: number,
  ld: number,
  rows: number,
  cols: number,
  scale: number,
): void {
  for (let i = 0; i < rows; i++) {
    const t = (offset + i * stride) | 0;
    const s = (from + i * ld) | 0;
    if (target instanceof Float32Array) {
      for (let j = 0; j < cols; j++) target[(t + j) | 0] = scale * S[(s + j) | 0]!;
    } else {
      for (let j = 0; j < cols; j++) target[(t + j) | 0] = scale * S[(s + j) | 0]!;
    }
  }
}

/** Scratch ← scale · scratch, `rows` × `cols`; zeros follow as in `loadRows`. */
export function copyRows(
  to: number,
  ldTo: number,
  from: number,
  ldFrom: number,
  rows: number,
  cols: number,
  scale: number,
): void {
  for (let i = 0; i < rows; i++) {
    const t = (to + i * ldTo) | 0;
    const s = (from + i * ldFrom) | 0;
    for (let j = 0; j < cols; j++) S[(t + j) | 0] = scale * S[(s + j) | 0]!;
    for (let j = cols; (j & 3) !== 0; j++) S[t + j] = 0;
  }
}

/** Transposes `rows` × `cols`; zeros follow each row of the result up to a multiple of 4 columns. */
export function transpose(
  to: number,
  ldTo: number,
  from: number,
  ldFrom: number,
  rows: number,
  cols: number,
): void {
  for (let i = 0; i < rows; i++) {
    let t = (to + i) | 0;
    const s = (from + i * ldFrom) | 0;
    for (let j = 0; j < cols; j++) {
      S[t] = S[(s + j) | 0]!;
      t = (t + ldTo) | 0;
    }
  }
  for (let i = rows; (i & 3) !== 0; i++) {
    for (let j = 0; j < cols; j++) S[to + i + j * ldTo] = 0;
  }
}

/** Zeros a block of the scratch. */
export function clearRows(to: number, ld: number, rows: number, cols: number): void {
  for (let i = 0; i < rows; i++) S.fill(0, to + i * ld, to + i * ld + cols);
}
