import type { FloatArray } from "@dlrt/core";
import { ceil12, scratch } from "./scratch.js";

const S = scratch;

/**
 * Copies `rows` × `cols` elements of the source, times `scale`, into the scratch; zeros follow each row up to a
 * multiple of 4 columns. `stride` is negative where rows are visited from the last to the first. The loops stand twice,
 * because one loop that met both element types would be slower for each.
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

/** Copies `rows` × `cols` elements of the scratch, times `scale`, to the target. */
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

/** Copies `rows` × `cols` elements within the scratch, times `scale`; zeros follow each row as in `loadRows`. */
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

/**
 * Copies the transpose of `rows` × `cols` elements of the source into the scratch; zeros follow each row of the result
 * up to a multiple of 12, or to the row's end.
 */
export function loadTransposed(
  to: number,
  ld: number,
  source: FloatArray,
  offset: number,
  stride: number,
  rows: number,
  cols: number,
): void {
  const whole = rows & ~3;
  for (let i = 0; i < whole; i += 4) {
    if (source instanceof Float32Array) transpose4f32(to + i, ld, source, offset + i * stride, stride, cols);
    else transpose4f64(to + i, ld, source, offset + i * stride, stride, cols);
  }
  for (let i = whole; i < Math.min(ld, ceil12(rows)); i++) {
    const s = offset + i * stride;
    for (let j = 0; j < cols; j++) S[to + i + j * ld] = i < rows ? source[s + j]! : 0;
  }
}

function transpose4f32(
  to: number,
  ld: number,
  source: Float32Array,
  s: number,
  stride: number,
  cols: number,
): void {
  let t = to | 0;
  let s0 = s | 0;
  let s1 = (s0 + stride) | 0;
  let s2 = (s1 + stride) | 0;
  let s3 = (s2 + stride) | 0;
  for (let j = 0; j < cols; j++) {
    S[t] = source[s0]!;
    S[(t + 1) | 0] = source[s1]!;
    S[(t + 2) | 0] = source[s2]!;
    S[(t + 3) | 0] = source[s3]!;
    t = (t + ld) | 0;
    s0 = (s0 + 1) | 0;
    s1 = (s1 + 1) | 0;
    s2 = (s2 + 1) | 0;
    s3 = (s3 + 1) | 0;
  }
}

function transpose4f64(
  to: number,
  ld: number,
  source: Float64Array,
  s: number,
  stride: number,
  cols: number,
): void {
  let t = to | 0;
  let s0 = s | 0;
  let s1 = (s0 + stride) | 0;
  let s2 = (s1 + stride) | 0;
  let s3 = (s2 + stride) | 0;
  for (let j = 0; j < cols; j++) {
    S[t] = source[s0]!;
    S[(t + 1) | 0] = source[s1]!;
    S[(t + 2) | 0] = source[s2]!;
    S[(t + 3) | 0] = source[s3]!;
    t = (t + ld) | 0;
    s0 = (s0 + 1) | 0;
    s1 = (s1 + 1) | 0;
    s2 = (s2 + 1) | 0;
    s3 = (s3 + 1) | 0;
  }
}

/** Sets a block of the scratch to zeros. */
export function clearRows(to: number, ld: number, rows: number, cols: number): void {
  for (let i = 0; i < rows; i++) S.fill(0, to + i * ld, to + i * ld + cols);
}
