import type { HostTensor, TrilInverseParams } from "@dlrt/core";
import { gemm } from "./gemm.js";
import { clearRows, loadRows, storeRows } from "./pack.js";
import { leadingDimension, scratch, X, Y, Z } from "./scratch.js";
import { invert, multiplyByLower, substitute } from "./triangular.js";

const S = scratch;
/** The tile of `gemm`; 16 is up to 19 % slower. */
const BLOCK_ROWS = 4;

/** (11) by block rows I: X_I,:I = A_II⁻¹ (−A_I,:I X_:I,:I), X_II = A_II⁻¹. */
export function trilInverse(params: TrilInverseParams<HostTensor>): void {
  const { batch, c } = params;
  const ld = leadingDimension(c);
  const diag = X;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < c; i++) {
      const at = (b * c + i) * c;
      loadRows(Z + i * ld, ld, params.a.data, at, c, 1, i, -1);
      S[diag + i] = params.a.data[at + i]!;
    }
    S.fill(1, diag + c, diag + c + 3);
    for (let i = 0; i < c; i += BLOCK_ROWS) invertRows(Y, Z, ld, diag, i, Math.min(BLOCK_ROWS, c - i), c);
    storeRows(params.out.data, b * c * c, c, Y, ld, c, c, 1);
  }
}

/** Rows i.. of X from the rows before; A, without its diagonal, comes negated. */
function invertRows(
  x: number,
  a: number,
  ld: number,
  diag: number,
  i: number,
  rows: number,
  c: number,
): void {
  const xi = x + i * ld;
  const ai = a + i * ld;
  clearRows(xi, ld, rows, c);
  for (let l = 0; l < i; l += BLOCK_ROWS) {
    gemm(xi, ld, ai + l, ld, x + l * ld, ld, rows, BLOCK_ROWS, l);
    multiplyByLower(xi + l, ld, ai + l, ld, x + l * ld + l, ld, rows, BLOCK_ROWS);
  }
  substitute(xi, ld, ai + i, ld, diag + i, rows, i);
  invert(xi + i, ld, ai + i, ld, diag + i, rows);
}
