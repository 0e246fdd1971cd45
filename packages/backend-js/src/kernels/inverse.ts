import type { HostTensor, InverseParams } from "@dlrt/core";
import { addLowRank, advance, panelColumns, State, type Walk } from "./low-rank.js";
import { clearRows, storeRows } from "./pack.js";
import { CHUNK_MAX, chunkRows, COUPLING, DIAG, Y } from "./scratch.js";
import { loadDiag } from "./solve.js";
import { invert, substitute } from "./triangular.js";

export function inverse(params: InverseParams<HostTensor>): void {
  const { n, r } = params;
  const chunk = chunkRows(params.chunk);
  const walk: Walk = { f: params.q.data, g: params.k.data, n, r, chunk, trans: false, sign: -1 };
  const width = Math.max(chunk, panelColumns(r) - (panelColumns(r) % chunk));
  for (let batch = 0; batch < params.batch; batch++) {
    for (let j = 0; j < n; j += width) inversePanel(params, walk, batch, j, Math.min(width, n - j));
  }
}

/** Columns j.. of the inverse, from row j down: Y_c,:l = −T_cc⁻¹ Q_c Z_:,:l, Y_cc = T_cc⁻¹, Z_:,:l+c += K_cᵀ Y_c,:l+c. */
function inversePanel(
  params: InverseParams<HostTensor>,
  walk: Walk,
  batch: number,
  j: number,
  columns: number,
): void {
  const { n, r } = params;
  const out = params.out.data;
  const state = new State(r, columns);
  state.open(undefined, batch, j, n);
  for (let i = j; i < n; i += walk.chunk) {
    const rows = Math.min(walk.chunk, n - i);
    const before = Math.min(i - j, columns);
    clearRows(Y, state.ld, rows, columns);
    loadDiag(params.diag, walk, batch, i, rows);
    addLowRank(walk, state, batch, i, rows, Y, before);
    substitute(Y, state.ld, COUPLING, CHUNK_MAX, DIAG, rows, before);
    const lower = before < columns ? rows : 0;
    invert(Y + before, state.ld, COUPLING, CHUNK_MAX, DIAG, lower);
    advance(walk, state, batch, i, rows, Y, before, lower);
    const at = (batch * n + i) * n;
    storeRows(out, at + j, n, Y, state.ld, rows, columns, 1);
    if (lower > 0) for (let t = 0; t < rows; t++) out.fill(0, at + t * n + i + t + 1, at + (t + 1) * n);
  }
}
