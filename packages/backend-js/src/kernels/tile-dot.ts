import { scratch } from "./scratch.js";

const S = scratch;

/**
 * Computes C ← C + A Bᵀ on blocks of the scratch, row-major: C [m, n], A [m, k], B [n, k]. The storage of C and A
 * reaches to the next multiple of 2 rows, that of B and the columns of C to the next multiple of 4; C receives garbage
 * there. The products reach C in sums of `cut`.
 */
export function gemmTransposed(
  c: number,
  ldc: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  m: number,
  k: number,
  n: number,
  cut: number,
): void {
  for (let j = 0; j < n; j += 4) {
    for (let i = 0; i < m; i += 2) {
      for (let l = 0; l < k; l += cut) {
        tileDot(c + i * ldc + j, ldc, a + i * lda + l, lda, b + j * ldb + l, ldb, Math.min(cut, k - l));
      }
    }
  }
}

/**
 * Adds the lower triangles of two products A Bᵀ to C [2 chunk, chunk]. The rows of both A stand below each other,
 * `chunk` rows each; B is [chunk, k]. What stands above the diagonal, up to the next multiple of 4 columns, receives
 * garbage.
 */
export function coupleTransposed(
  c: number,
  chunk: number,
  a: number,
  b: number,
  ld: number,
  m: number,
  k: number,
  cut: number,
): void {
  for (let i = 0; i < m; i += 2)
    gemmTransposed(c + i * chunk, chunk, a + i * ld, ld, b, ld, 2, k, (i % chunk) + 2, cut);
}

/**
 * Multiplies two rows of A by four of B, held in registers. 3×3 is as fast; 3×4 is a sixth slower, because registers
 * run out.
 */
function tileDot(c: number, ldc: number, a: number, lda: number, b: number, ldb: number, k: number): void {
  let i0 = a | 0;
  let i1 = (a + lda) | 0;
  let j0 = b | 0;
  let j1 = (j0 + ldb) | 0;
  let j2 = (j1 + ldb) | 0;
  let j3 = (j2 + ldb) | 0;
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  const end = (i0 + k) | 0;
  while (i0 < end) {
    const x0 = S[i0]!;
    const x1 = S[i1]!;
    const y0 = S[j0]!;
    s00 += x0 * y0;
    s10 += x1 * y0;
    const y1 = S[j1]!;
    s01 += x0 * y1;
    s11 += x1 * y1;
    const y2 = S[j2]!;
    s02 += x0 * y2;
    s12 += x1 * y2;
    const y3 = S[j3]!;
    s03 += x0 * y3;
    s13 += x1 * y3;
    i0 = (i0 + 1) | 0;
    i1 = (i1 + 1) | 0;
    j0 = (j0 + 1) | 0;
    j1 = (j1 + 1) | 0;
    j2 = (j2 + 1) | 0;
    j3 = (j3 + 1) | 0;
  }
  const c0 = c | 0;
  const c1 = (c0 + ldc) | 0;
  S[c0] = S[c0]! + s00;
  S[(c0 + 1) | 0] = S[(c0 + 1) | 0]! + s01;
  S[(c0 + 2) | 0] = S[(c0 + 2) | 0]! + s02;
  S[(c0 + 3) | 0] = S[(c0 + 3) | 0]! + s03;
  S[c1] = S[c1]! + s10;
  S[(c1 + 1) | 0] = S[(c1 + 1) | 0]! + s11;
  S[(c1 + 2) | 0] = S[(c1 + 2) | 0]! + s12;
  S[(c1 + 3) | 0] = S[(c1 + 3) | 0]! + s13;
}
