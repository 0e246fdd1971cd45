import { gemm } from "./gemm.js";
import { clearRows } from "./pack.js";
import { lost, scratch, SUM } from "./scratch.js";
import { tile4 } from "./tile.js";

const S = scratch;
const L = lost;

/**
 * Computes Y ← (diag(d) − tril(A, −1))⁻¹ Y by forward substitution, for A [m, m] and Y [m, n] in the scratch. A comes
 * negated, so that every product is added. Only its strict lower triangle is read.
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
    const y2 = (S[i2]! + (a20 * y0 + a21 * y1)) / d2;
    S[i0] = y0;
    S[i1] = y1;
    S[i2] = y2;
    S[i3] = (S[i3]! + (a30 * y0 + a31 * y1 + a32 * y2)) / d3;
    i0 = (i0 + 1) | 0;
    i1 = (i1 + 1) | 0;
    i2 = (i2 + 1) | 0;
    i3 = (i3 + 1) | 0;
  }
}

/**
 * Computes Y ← Y + tril(A, −1) X, for A [m, m] and X and Y [m, n] in the scratch, where the rows of X and Y are equally
 * far apart.
 */
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
    S[y2] = S[y2]! + (a20 * x0 + a21 * x1);
    S[y3] = S[y3]! + (a30 * x0 + a31 * x1 + a32 * x2);
  }
}

/** The number of rows in a block of `invertRows`, which is that of a tile. 16 rows are up to 19 % slower. */
export const BLOCK_ROWS = 4;

/** Computes X ← (diag(d) − tril(A, −1))⁻¹, [m, m], m ≤ CHUNK_MAX, and sets its strict upper triangle to zero. */
export function invert(x: number, ldx: number, a: number, lda: number, d: number, m: number): void {
  for (let i = 0; i < m; i += BLOCK_ROWS) {
    const rows = Math.min(BLOCK_ROWS, m - i);
    clearRows(x + i * ldx, ldx, rows, m);
    invertRows(x, ldx, a, lda, d, i, rows, m);
  }
}

/**
 * Follows equation (11) for the `rows` ≤ BLOCK_ROWS rows I from row i on: X_I,:I = A_II⁻¹ (−A_I,:I X_:I,:I), X_II =
 * A_II⁻¹. A comes negated, and its diagonal apart, in d; X_I is zero before. Products run over j ≤ l < i only. Those of
 * every `cut` columns of A are summed first, and these sums are added with compensation.
 */
export function invertRows(
  x: number,
  ldx: number,
  a: number,
  lda: number,
  d: number,
  i: number,
  rows: number,
  cut: number,
): void {
  const xi = x + i * ldx;
  const ai = a + i * lda;
  addTimesInverse(xi, ldx, ai, lda, x, ldx, rows, 0, Math.min(cut, i));
  if (cut < i) lost.fill(0, xi, xi + rows * ldx);
  for (let l = cut; l < i; l += cut) {
    const end = Math.min(l + cut, i);
    clearRows(SUM, ldx, rows, end);
    addTimesInverse(SUM, ldx, ai, lda, x, ldx, rows, l, end);
    for (let t = 0; t < rows; t++) addRowCompensated(xi + t * ldx, SUM + t * ldx, end);
  }
  substitute(xi, ldx, ai + i, lda, d + i, rows, i);
  invertBlock(xi + i, ldx, ai + i, lda, d + i, rows);
}

/**
 * Computes C ← C + A X for the columns `from` to `end` of A [rows, end] and the same rows of the lower triangular X.
 */
function addTimesInverse(
  c: number,
  ldc: number,
  a: number,
  lda: number,
  x: number,
  ldx: number,
  rows: number,
  from: number,
  end: number,
): void {
  for (let l = from; l < end; l += BLOCK_ROWS) {
    if (l > 0) tile4(c, ldc, a + l, lda, x + l * ldx, ldx, BLOCK_ROWS, l);
    multiplyByLower(c + l, ldc, a + l, lda, x + l * ldx + l, ldx, rows, BLOCK_ROWS);
  }
}

function invertBlock(x: number, ldx: number, a: number, lda: number, d: number, m: number): void {
  for (let i = 0; i < m; i++) {
    const xi = x + i * ldx;
    const di = S[d + i]!;
    for (let l = 0; l < i; l++) addRow(xi, x + l * ldx, S[a + i * lda + l]!, l + 1);
    for (let j = 0; j < i; j++) S[xi + j] = S[xi + j]! / di;
    S[xi + i] = 1 / di;
  }
}

/** Computes C ← C + A X for a lower triangular X, k×k, and A [m, k]. The strict upper triangle of X is not read. */
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

/** Adds a row as `tile6Compensated` does. */
function addRowCompensated(to: number, from: number, n: number): void {
  for (let j = 0; j < n; j++) {
    const at = (to + j) | 0;
    const z = S[at]!;
    const y = S[(from + j) | 0]! + L[at]!;
    const s = z + y;
    S[at] = s;
    L[at] = z - s + y;
  }
}
