import type { HostTensor } from "@dlrt/core";
import type { TrilInverseParams } from "@dlrt/core/backend";
import { clearRows, loadRows, storeRows } from "./pack.js";
import { rowsOf } from "./rows.js";
import { leadingDimension, scratch, X, Y, Z } from "./scratch.js";
import { BLOCK_ROWS, invertRows } from "./triangular.js";

const S = scratch;

/**
 * Follows equation (11) by blocks of rows. In f64 the sums, of up to c = 128 terms, are cut at 24 terms: a single chain
 * of all of them loses 10 ε.
 */
export function trilInverse(params: TrilInverseParams<HostTensor>): void {
  const { batch, c } = params;
  const ld = leadingDimension(c);
  const diag = X;
  const cut = params.a.dtype === "f64" ? 24 : c;
  for (let entry = 0; entry < batch; entry++) {
    const { data, start, stride } = rowsOf(params.a, entry);
    const out = rowsOf(params.out, entry);
    for (let i = 0; i < c; i++) {
      const at = start + i * stride;
      loadRows(Z + i * ld, ld, data, at, stride, 1, i, -1);
      S[diag + i] = data[at + i]!;
    }
    S.fill(1, diag + c, diag + c + 3);
    clearRows(Y, ld, c, c);
    for (let i = 0; i < c; i += BLOCK_ROWS)
      invertRows(Y, ld, Z, ld, diag, i, Math.min(BLOCK_ROWS, c - i), cut);
    storeRows(out.data, out.start, out.stride, Y, ld, c, c, 1);
  }
}
