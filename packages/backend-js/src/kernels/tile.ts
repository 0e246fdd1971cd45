import { scratch, ZERO } from "./scratch.js";

const S = scratch;
const ZERO_ROW = ZERO;

/**
 * Computes C ← C + A B: adds to four rows of C a 4×4 block of A, kept in registers, times the first `k` ≤ 4 of four
 * rows of B, which are read as streams of `n` columns. The four products are summed before they meet C, which shortens
 * the chain of roundings. What A has past column k must be finite, since it is multiplied by zeros.
 */
export function tile4(
  c: number,
  ldc: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  k: number,
  n: number,
): void {
  const a1 = (a + lda) | 0;
  const a2 = (a1 + lda) | 0;
  const a3 = (a2 + lda) | 0;
  const a00 = S[a]!;
  const a01 = S[(a + 1) | 0]!;
  const a02 = S[(a + 2) | 0]!;
  const a03 = S[(a + 3) | 0]!;
  const a10 = S[a1]!;
  const a11 = S[(a1 + 1) | 0]!;
  const a12 = S[(a1 + 2) | 0]!;
  const a13 = S[(a1 + 3) | 0]!;
  const a20 = S[a2]!;
  const a21 = S[(a2 + 1) | 0]!;
  const a22 = S[(a2 + 2) | 0]!;
  const a23 = S[(a2 + 3) | 0]!;
  const a30 = S[a3]!;
  const a31 = S[(a3 + 1) | 0]!;
  const a32 = S[(a3 + 2) | 0]!;
  const a33 = S[(a3 + 3) | 0]!;
  let j0 = b | 0;
  let j1 = k > 1 ? (b + ldb) | 0 : ZERO_ROW;
  let j2 = k > 2 ? (b + 2 * ldb) | 0 : ZERO_ROW;
  let j3 = k > 3 ? (b + 3 * ldb) | 0 : ZERO_ROW;
  let c0 = c | 0;
  let c1 = (c0 + ldc) | 0;
  let c2 = (c1 + ldc) | 0;
  let c3 = (c2 + ldc) | 0;
  const end = (c0 + n) | 0;
  while (c0 < end) {
    const x0 = S[j0]!;
    const x1 = S[j1]!;
    const x2 = S[j2]!;
    const x3 = S[j3]!;
    S[c0] = S[c0]! + (a00 * x0 + a01 * x1 + (a02 * x2 + a03 * x3));
    S[c1] = S[c1]! + (a10 * x0 + a11 * x1 + (a12 * x2 + a13 * x3));
    S[c2] = S[c2]! + (a20 * x0 + a21 * x1 + (a22 * x2 + a23 * x3));
    S[c3] = S[c3]! + (a30 * x0 + a31 * x1 + (a32 * x2 + a33 * x3));
    j0 = (j0 + 1) | 0;
    j1 = (j1 + 1) | 0;
    j2 = (j2 + 1) | 0;
    j3 = (j3 + 1) | 0;
    c0 = (c0 + 1) | 0;
    c1 = (c1 + 1) | 0;
    c2 = (c2 + 1) | 0;
    c3 = (c3 + 1) | 0;
  }
}

/**
 * Does the same with a 4×6 block of A and six rows of B, which visits C less often. 4×8 is slower, because registers
 * run out.
 */
export function tile6(
  c: number,
  ldc: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  n: number,
): void {
  const a1 = (a + lda) | 0;
  const a2 = (a1 + lda) | 0;
  const a3 = (a2 + lda) | 0;
  const a00 = S[a]!;
  const a01 = S[(a + 1) | 0]!;
  const a02 = S[(a + 2) | 0]!;
  const a03 = S[(a + 3) | 0]!;
  const a04 = S[(a + 4) | 0]!;
  const a05 = S[(a + 5) | 0]!;
  const a10 = S[a1]!;
  const a11 = S[(a1 + 1) | 0]!;
  const a12 = S[(a1 + 2) | 0]!;
  const a13 = S[(a1 + 3) | 0]!;
  const a14 = S[(a1 + 4) | 0]!;
  const a15 = S[(a1 + 5) | 0]!;
  const a20 = S[a2]!;
  const a21 = S[(a2 + 1) | 0]!;
  const a22 = S[(a2 + 2) | 0]!;
  const a23 = S[(a2 + 3) | 0]!;
  const a24 = S[(a2 + 4) | 0]!;
  const a25 = S[(a2 + 5) | 0]!;
  const a30 = S[a3]!;
  const a31 = S[(a3 + 1) | 0]!;
  const a32 = S[(a3 + 2) | 0]!;
  const a33 = S[(a3 + 3) | 0]!;
  const a34 = S[(a3 + 4) | 0]!;
  const a35 = S[(a3 + 5) | 0]!;
  let j0 = b | 0;
  let j1 = (j0 + ldb) | 0;
  let j2 = (j1 + ldb) | 0;
  let j3 = (j2 + ldb) | 0;
  let j4 = (j3 + ldb) | 0;
  let j5 = (j4 + ldb) | 0;
  let c0 = c | 0;
  let c1 = (c0 + ldc) | 0;
  let c2 = (c1 + ldc) | 0;
  let c3 = (c2 + ldc) | 0;
  const end = (c0 + n) | 0;
  while (c0 < end) {
    const x0 = S[j0]!;
    const x1 = S[j1]!;
    const x2 = S[j2]!;
    const x3 = S[j3]!;
    const x4 = S[j4]!;
    const x5 = S[j5]!;
    S[c0] = S[c0]! + (a00 * x0 + a01 * x1 + (a02 * x2 + a03 * x3) + (a04 * x4 + a05 * x5));
    S[c1] = S[c1]! + (a10 * x0 + a11 * x1 + (a12 * x2 + a13 * x3) + (a14 * x4 + a15 * x5));
    S[c2] = S[c2]! + (a20 * x0 + a21 * x1 + (a22 * x2 + a23 * x3) + (a24 * x4 + a25 * x5));
    S[c3] = S[c3]! + (a30 * x0 + a31 * x1 + (a32 * x2 + a33 * x3) + (a34 * x4 + a35 * x5));
    j0 = (j0 + 1) | 0;
    j1 = (j1 + 1) | 0;
    j2 = (j2 + 1) | 0;
    j3 = (j3 + 1) | 0;
    j4 = (j4 + 1) | 0;
    j5 = (j5 + 1) | 0;
    c0 = (c0 + 1) | 0;
    c1 = (c1 + 1) | 0;
    c2 = (c2 + 1) | 0;
    c3 = (c3 + 1) | 0;
  }
}
