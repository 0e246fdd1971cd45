import type { ApplyParams, HostTensor } from "@dlrt/core";
import { addLowRank, advance, panelColumns } from "./low-rank.js";
import { clearRows, loadRows, storeRows } from "./pack.js";
import { chunkRows, COUPLING, scratch, X, Y } from "./scratch.js";
import { State } from "./state.js";
import { multiply } from "./triangular.js";
import { rowOffset, rowStride, type Walk } from "./walk.js";

/** (5) chunk by chunk, in the rows and roles of (8) for Tᵀ: Y_c = T_cc X_c + F_c Z, Z ← Z + G_cᵀ X_c. */
export function apply(params: ApplyParams<HostTensor>): void {
  const { trans, q, k, n, r, p } = params;
  const [f, g] = trans ? [k.data, q.data] : [q.data, k.data];
  const walk: Walk = {
    f,
    g,
    n,
    r,
    chunk: chunkRows(params.chunk, r, params.q.dtype === "f64"),
    trans,
    sign: 1,
  };
  const width = panelColumns(r);
  for (let batch = 0; batch < params.batch; batch++) {
    for (let j = 0; j < p; j += width) applyPanel(params, walk, batch, j, Math.min(width, p - j));
  }
}

function applyPanel(
  params: ApplyParams<HostTensor>,
  walk: Walk,
  batch: number,
  j: number,
  columns: number,
): void {
  const { n, p, x, out } = params;
  const state = new State(walk, columns);
  const { ld } = state;
  state.open(params.state, batch, j, p);
  for (let i = 0; i < n; i += walk.chunk) {
    const rows = Math.min(walk.chunk, n - i);
    const at = rowOffset(walk, batch, i, p) + j;
    const stride = rowStride(walk, p);
    loadRows(X, ld, x.data, at, stride, rows, columns, 1);
    if (params.diag)
      scaleRows(params.diag.data, rowOffset(walk, batch, i, 1), rowStride(walk, 1), ld, rows, columns);
    else clearRows(Y, ld, rows, columns);
    addLowRank(walk, state, batch, i, rows, Y, columns);
    multiply(Y, X, ld, COUPLING, walk.chunk, rows, columns);
    advance(walk, state, batch, i, rows, X, columns);
    storeRows(out.data, at, stride, Y, ld, rows, columns, params.alpha);
  }
  if (params.finalState) state.close(params.finalState, batch, j, p);
}

const S = scratch;

/** Y ← Λ X */
function scaleRows(
  diag: HostTensor["data"],
  offset: number,
  stride: number,
  ld: number,
  rows: number,
  columns: number,
): void {
  for (let i = 0; i < rows; i++) {
    const d = diag[offset + i * stride]!;
    for (let j = i * ld; j < i * ld + columns; j++) S[Y + j] = d * S[X + j]!;
  }
}
