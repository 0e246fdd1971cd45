import { lost, scratch, ZERO } from "./scratch.js";

const S = scratch;
const L = lost;
const ZERO_ROW = ZERO;

/**
 * Computes C ← C + A B with a 4×6 block of A and the first `k` ≤ 6 rows of B, by Kahan's compensated summation: `lost`
 * holds what each element of C has lost to roundings, and the next sum gives it back. However often C is added to, it
 * stays within about 2 ε of what it would be without these roundings. What A has past column k must be finite; `n` ≥ 1.
 * The order of these sums is their purpose: z − s is exact, and so is what is lost.
 */
export function tile6Compensated(
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
  let j1 = k > 1 ? (b + ldb) | 0 : ZERO_ROW;
  let j2 = k > 2 ? (b + 2 * ldb) | 0 : ZERO_ROW;
  let j3 = k > 3 ? (b + 3 * ldb) | 0 : ZERO_ROW;
  let j4 = k > 4 ? (b + 4 * ldb) | 0 : ZERO_ROW;
  let j5 = k > 5 ? (b + 5 * ldb) | 0 : ZERO_ROW;
  let c0 = c | 0;
  let c1 = (c0 + ldc) | 0;
  let c2 = (c1 + ldc) | 0;
  let c3 = (c2 + ldc) | 0;
  const end = (c0 + n) | 0;
  do {
    const x0 = S[j0]!;
    const x1 = S[j1]!;
    const x2 = S[j2]!;
    const x3 = S[j3]!;
    const x4 = S[j4]!;
    const x5 = S[j5]!;
    const z0 = S[c0]!;
    const y0 = a00 * x0 + a01 * x1 + (a02 * x2 + a03 * x3) + (a04 * x4 + a05 * x5) + L[c0]!;
    const s0 = z0 + y0;
    S[c0] = s0;
    L[c0] = z0 - s0 + y0;
    const z1 = S[c1]!;
    const y1 = a10 * x0 + a11 * x1 + (a12 * x2 + a13 * x3) + (a14 * x4 + a15 * x5) + L[c1]!;
    const s1 = z1 + y1;
    S[c1] = s1;
    L[c1] = z1 - s1 + y1;
    const z2 = S[c2]!;
    const y2 = a20 * x0 + a21 * x1 + (a22 * x2 + a23 * x3) + (a24 * x4 + a25 * x5) + L[c2]!;
    const s2 = z2 + y2;
    S[c2] = s2;
    L[c2] = z2 - s2 + y2;
    const z3 = S[c3]!;
    const y3 = a30 * x0 + a31 * x1 + (a32 * x2 + a33 * x3) + (a34 * x4 + a35 * x5) + L[c3]!;
    const s3 = z3 + y3;
    S[c3] = s3;
    L[c3] = z3 - s3 + y3;
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
  } while (c0 < end);
}
