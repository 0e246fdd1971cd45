/** Products with the couplings of a fused delta rule, and solutions of the triangular systems that they define. */
import { gemm } from "./gemm.js";
import { scratch } from "./scratch.js";

const S = scratch;

/**
 * Computes Y ← (I − diag(d) tril(A, −1))⁻¹ diag(d) Y, as `substitute` does with λ = 1/d; but d may be 0. Only the
 * strict lower triangle of A is read.
 */
export function substitutePivots(
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
    substitutePivots4(yi, ldy, a + i * lda + i, lda, d + i, n);
  }
}

function substitutePivots4(y: number, ldy: number, a: number, lda: number, d: number, n: number): void {
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
    const y0 = S[i0]! * d0;
    const y1 = (S[i1]! + a10 * y0) * d1;
    const y2 = (S[i2]! + (a20 * y0 + a21 * y1)) * d2;
    S[i0] = y0;
    S[i1] = y1;
    S[i2] = y2;
    S[i3] = (S[i3]! + (a30 * y0 + a31 * y1 + a32 * y2)) * d3;
    i0 = (i0 + 1) | 0;
    i1 = (i1 + 1) | 0;
    i2 = (i2 + 1) | 0;
    i3 = (i3 + 1) | 0;
  }
}

/** Computes Y ← Y + tril(A) X, for A [m, m] and X and Y [m, n] in the scratch, where the rows of X and Y are equally far apart. */
export function multiplyByCoupling(
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
    multiplyByCoupling4(y + i * ld, x + i * ld, ld, a + i * lda + i, lda, n);
  }
}

function multiplyByCoupling4(y: number, x: number, ld: number, a: number, lda: number, n: number): void {
  const a00 = S[a]!;
  const a10 = S[a + lda]!;
  const a11 = S[a + lda + 1]!;
  const a20 = S[a + 2 * lda]!;
  const a21 = S[a + 2 * lda + 1]!;
  const a22 = S[a + 2 * lda + 2]!;
  const a30 = S[a + 3 * lda]!;
  const a31 = S[a + 3 * lda + 1]!;
  const a32 = S[a + 3 * lda + 2]!;
  const a33 = S[a + 3 * lda + 3]!;
  let i0 = x | 0;
  let i1 = (i0 + ld) | 0;
  let i2 = (i1 + ld) | 0;
  let i3 = (i2 + ld) | 0;
  let o0 = y | 0;
  let o1 = (o0 + ld) | 0;
  let o2 = (o1 + ld) | 0;
  let o3 = (o2 + ld) | 0;
  const end = (i0 + n) | 0;
  while (i0 < end) {
    const x0 = S[i0]!;
    const x1 = S[i1]!;
    const x2 = S[i2]!;
    S[o0] = S[o0]! + a00 * x0;
    S[o1] = S[o1]! + (a10 * x0 + a11 * x1);
    S[o2] = S[o2]! + (a20 * x0 + a21 * x1 + a22 * x2);
    S[o3] = S[o3]! + (a30 * x0 + a31 * x1 + (a32 * x2 + a33 * S[i3]!));
    i0 = (i0 + 1) | 0;
    i1 = (i1 + 1) | 0;
    i2 = (i2 + 1) | 0;
    i3 = (i3 + 1) | 0;
    o0 = (o0 + 1) | 0;
    o1 = (o1 + 1) | 0;
    o2 = (o2 + 1) | 0;
    o3 = (o3 + 1) | 0;
  }
}

/**
 * Computes X ← (I − A)⁻¹ X for a strictly upper triangular A [m, m] and X [m, n]. A is zero elsewhere, up to the next
 * multiple of 4 columns.
 */
export function substituteUpward(x: number, ld: number, a: number, lda: number, m: number, n: number): void {
  for (let i = (m - 1) & ~3; i >= 0; i -= 4) {
    const xi = x + i * ld;
    const below = i + 4;
    if (below < m) gemm(xi, ld, a + i * lda + below, lda, x + below * ld, ld, 4, m - below, n);
    substituteUpward4(xi, ld, a + i * lda + i, lda, n);
  }
}

function substituteUpward4(x: number, ld: number, a: number, lda: number, n: number): void {
  const a01 = S[a + 1]!;
  const a02 = S[a + 2]!;
  const a03 = S[a + 3]!;
  const a12 = S[a + lda + 2]!;
  const a13 = S[a + lda + 3]!;
  const a23 = S[a + 2 * lda + 3]!;
  let i0 = x | 0;
  let i1 = (i0 + ld) | 0;
  let i2 = (i1 + ld) | 0;
  let i3 = (i2 + ld) | 0;
  const end = (i0 + n) | 0;
  while (i0 < end) {
    const x3 = S[i3]!;
    const x2 = S[i2]! + a23 * x3;
    const x1 = S[i1]! + (a12 * x2 + a13 * x3);
    S[i2] = x2;
    S[i1] = x1;
    S[i0] = S[i0]! + (a01 * x1 + a02 * x2 + a03 * x3);
    i0 = (i0 + 1) | 0;
    i1 = (i1 + 1) | 0;
    i2 = (i2 + 1) | 0;
    i3 = (i3 + 1) | 0;
  }
}

/**
 * Transposes the two lower triangular blocks of `rows` rows that stand below each other at `from`, `chunk` rows each,
 * to `to` [chunk, 2 chunk]. The first is strictly lower triangular. What stands outside of the triangles is set to 0 on
 * both sides.
 */
export function transposeLower(from: number, to: number, chunk: number, rows: number): void {
  for (let half = 0; half < 2; half++) {
    for (let v = 0; v < chunk; v++) {
      for (let w = 0; w < chunk; w++) {
        const at = from + (half * chunk + v) * chunk + w;
        if (v >= rows || w > v || (half === 0 && w === v)) S[at] = 0;
        S[to + w * 2 * chunk + half * chunk + v] = S[at]!;
      }
    }
  }
}
