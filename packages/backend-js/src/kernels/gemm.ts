import { clearRows } from "./pack.js";
import { ceil4, scratch, SUM } from "./scratch.js";
import { tile6Compensated } from "./tile-compensated.js";
import { tile4, tile6 } from "./tile.js";

const S = scratch;

/**
 * Computes C ← C + A B on blocks of the scratch, row-major: C [m, n], A [m, k], B [k, n].
 *
 * The storage of C and A reaches to the next multiple of 4 rows, that of A to the next multiple of 4 columns, and A is
 * zero there; rows of C past m receive garbage. B is read in its k rows only, so that no garbage can enter a sum.
 */
export function gemm(
  c: number,
  ldc: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  m: number,
  k: number,
  n: number,
): void {
  // The number of terms in tiles of six is a multiple of 12, so that the tiles of 4 after them end where the zeros of A
  // do.
  const sixes = k - (k % 12);
  if (k > m) {
    // The longer side of A is the outer loop, so that the large operand streams through the cache once.
    for (let l = 0; l < k;) {
      const six = l < sixes;
      for (let i = 0; i < m; i += 4) {
        const ci = c + i * ldc;
        const ai = a + i * lda + l;
        if (six) tile6(ci, ldc, ai, lda, b + l * ldb, ldb, n);
        else tile4(ci, ldc, ai, lda, b + l * ldb, ldb, k - l, n);
      }
      l += six ? 6 : 4;
    }
  } else {
    for (let i = 0; i < m; i += 4) {
      for (let l = 0; l < k;) {
        const six = l < sixes;
        const ci = c + i * ldc;
        const ai = a + i * lda + l;
        if (six) tile6(ci, ldc, ai, lda, b + l * ldb, ldb, n);
        else tile4(ci, ldc, ai, lda, b + l * ldb, ldb, k - l, n);
        l += six ? 6 : 4;
      }
    }
  }
}

/**
 * The number of products that reach C in one chain of additions. k products in one chain are k/6 additions, each of
 * which rounds all that was summed before it; cut into sums of 64, each product goes through 11 additions and at most
 * k/64 more.
 */
const CUT = 64;

/** Does what `gemm` does, where the roundings of a long chain would be seen in the result, as in f64. */
export function gemmCut(
  c: number,
  ldc: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  m: number,
  k: number,
  n: number,
): void {
  gemm(c, ldc, a, lda, b, ldb, m, Math.min(k, CUT), n);
  for (let l = CUT; l < k; l += CUT) {
    clearRows(SUM, ldc, ceil4(m), n);
    gemm(SUM, ldc, a + l, lda, b + l * ldb, ldb, m, Math.min(k - l, CUT), n);
    for (let i = 0; i < m; i++) addRow(c + i * ldc, SUM + i * ldc, n);
  }
}

function addRow(to: number, from: number, n: number): void {
  for (let j = 0; j < n; j++) S[(to + j) | 0] = S[(to + j) | 0]! + S[(from + j) | 0]!;
}

/**
 * Computes C ← C + A B as `gemm` does, and keeps in `lost` what the roundings of C lose. A is zero up to the next
 * multiple of 6 columns.
 */
export function gemmCompensated(
  c: number,
  ldc: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  m: number,
  k: number,
  n: number,
): void {
  if (n === 0) return;
  for (let i = 0; i < m; i += 4) {
    for (let l = 0; l < k; l += 6)
      tile6Compensated(c + i * ldc, ldc, a + i * lda + l, lda, b + l * ldb, ldb, k - l, n);
  }
}
