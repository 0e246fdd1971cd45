import { gemm } from "./gemm.js";
import { scratch } from "./scratch.js";

const S = scratch;

/**
 * Y ← (diag(d) − tril(A, −1))⁻¹ Y by forward substitution; A [m, m], Y [m, n] in the scratch. A comes negated so
 * that every product adds. Only the strict lower triangle of A is read.
 */
export function substitute(
  y: number,
  ldy: number,
  a: number,
  lda: number,
  d: number,
  m: number,
  n: number,
): void {
  for (let i = 0; i < m; i += 4) {
    const yi = y + i * ldy;
    gemm(yi, ldy, a + i * lda, lda, y, ldy, 4, i, n);
    substitute4(yi, ldy, a + i * lda + i, lda, d + i, n);
  }
}

function substitute4(y: number, ldy: number, a: number, lda: number, d: number, n: number): void {
  const a10 = S[a + lda]!;
  const a20 = S[a + 2 * lda]!;
  const a21 = S[a + 2 * lda + 1]!;
  const a30 = S[a + 3 * lda]!;
  const a31 = S[a + 3 * lda + 1]!;
  const a32 = S[a + 3 * lda + 2]!;
  const d0 = S[d]!;
  const d1 = S[d + 1]!;
  const d2 = S[d + 2]!;
  const d3 = S[d + 3]!;
  let i0 = y | 0;
  let i1 = (i0 + ldy) | 0;
  let i2 = (i1 + ldy) | 0;
  let i3 = (i2 + ldy) | 0;
  const end = (i0 + n) | 0;
  while (i0 < end) {
    const y0 = S[i0]! / d0;
    const y1 = (S[i1]! + a10 * y0) / d1;
    const y2 = (S[i2]! + a20 * y0 + a21 * y1) / d2;
    S[i0] = y0;
    S[i1] = y1;
    S[i2] = y2;
    S[i3] = (S[i3]! + a30 * y0 + a31 * y1 + a32 * y2) / d3;
    i0 = (i0 + 1) | 0;
    i1 = (i1 + 1) | 0;
    i2 = (i2 + 1) | 0;
    i3 = (i3 + 1) | 0;
  }
}

/** Y ← Y + tril(A, −1) X; A [m, m], X and Y [m, n] in the scratch with one distance between rows. */
export function multiply(
  y: number,
  x: number,
  ld: number,
  a: number,
  lda: number,
  m: number,
  n: number,
): void {
  for (let i = 0; i < m; i += 4) {
    gemm(y + i * ld, ld, a + i * lda, lda, x, ld, 4, i, n);
    multiply4(y + i * ld, x + i * ld, ld, a + i * lda + i, lda, n);
  }
}

function multiply4(y: number, x: number, ld: number, a: number, lda: number, n: number): void {
  const a10 = S[a + lda]!;
  const a20 = S[a + 2 * lda]!;
  const a21 = S[a + 2 * lda + 1]!;
  const a30 = S[a + 3 * lda]!;
  const a31 = S[a + 3 * lda + 1]!;
  const a32 = S[a + 3 * lda + 2]!;
  for (let j = 0; j < n; j++) {
    const x0 = S[x + j]!;
    const x1 = S[x + ld + j]!;
    const x2 = S[x + 2 * ld + j]!;
    const y1 = y + ld + j;
    const y2 = y1 + ld;
    const y3 = y2 + ld;
    S[y1] = S[y1]! + a10 * x0;
    S[y2] = S[y2]! + a20 * x0 + a21 * x1;
    S[y3] = S[y3]! + a30 * x0 + a31 * x1 + a32 * x2;
  }
}

/** X ← (diag(d) − tril(A, −1))⁻¹, [m, m], the strict upper triangle zeroed. Products run over j ≤ l < i only. */
export function invert(x: number, ldx: number, a: number, lda: number, d: number, m: number): void {
  for (let i = 0; i < m; i++) {
    const xi = x + i * ldx;
    const di = S[d + i]!;
    for (let j = 0; j < m; j++) S[xi + j] = 0;
    for (let l = 0; l < i; l++) addRow(xi, x + l * ldx, S[a + i * lda + l]!, l + 1);
    for (let j = 0; j < i; j++) S[xi + j] = S[xi + j]! / di;
    S[xi + i] = 1 / di;
  }
}

/** C ← C + A X for lower triangular X, k×k; A [m, k]. The strict upper triangle of X is not read. */
export function multiplyByLower(
  c: number,
  ldc: number,
  a: number,
  lda: number,
  x: number,
  ldx: number,
  m: number,
  k: number,
): void {
  for (let i = 0; i < m; i++) {
    for (let l = 0; l < k; l++) addRow(c + i * ldc, x + l * ldx, S[a + i * lda + l]!, l + 1);
  }
}

function addRow(to: number, from: number, scale: number, n: number): void {
  for (let j = 0; j < n; j++) S[(to + j) | 0] = S[(to + j) | 0]! + scale * S[(from + j) | 0]!;
}
