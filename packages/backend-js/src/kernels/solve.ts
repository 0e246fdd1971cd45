import type { HostTensor, SolveParams } from "@dlrt/core";
import { addLowRank, advance, panelColumns } from "./low-rank.js";
import { loadRows, storeRows } from "./pack.js";
import { ceil4, chunkRows, COUPLING, DIAG, scratch, Y } from "./scratch.js";
import { State } from "./state.js";
import { substitute } from "./triangular.js";
import { rowOffset, rowStride, type Walk } from "./walk.js";

/** (6) chunk by chunk, in the rows and roles of (8) for Tᵀ: Y_c = T_cc⁻¹ (B_c − F_c Z), Z ← Z + G_cᵀ Y_c. */
export function solve(params: SolveParams<HostTensor>): void {
  const { trans, q, k, n, r, p } = params;
  const [f, g] = trans ? [k.data, q.data] : [q.data, k.data];
  const walk: Walk = {
    f,
    g,
    n,
    r,
    chunk: chunkRows(params.chunk, r, params.q.dtype === "f64"),
    trans,
    sign: -1,
  };
  const width = panelColumns(r);
  for (let batch = 0; batch < params.batch; batch++) {
    for (let j = 0; j < p; j += width) solvePanel(params, walk, batch, j, Math.min(width, p - j));
  }
}

function solvePanel(
  params: SolveParams<HostTensor>,
  walk: Walk,
  batch: number,
  j: number,
  columns: number,
): void {
  const { n, p, b, out } = params;
  const state = new State(walk, columns);
  state.open(params.state, batch, j, p);
  for (let i = 0; i < n; i += walk.chunk) {
    const rows = Math.min(walk.chunk, n - i);
    const at = rowOffset(walk, batch, i, p) + j;
    const stride = rowStride(walk, p);
    loadRows(Y, state.ld, b.data, at, stride, rows, columns, 1);
    loadDiag(params.diag, walk, batch, i, rows);
    addLowRank(walk, state, batch, i, rows, Y, columns);
    substitute(Y, state.ld, COUPLING, walk.chunk, DIAG, rows, columns);
    advance(walk, state, batch, i, rows, Y, columns);
    storeRows(out.data, at, stride, Y, state.ld, rows, columns, params.alpha);
  }
  if (params.finalState) state.close(params.finalState, batch, j, p);
}

const S = scratch;

/** λ_c, and 1 for rows past the end. */
export function loadDiag(diag: HostTensor, walk: Walk, batch: number, i: number, rows: number): void {
  const at = rowOffset(walk, batch, i, 1);
  const stride = rowStride(walk, 1);
  for (let t = 0; t < rows; t++) S[DIAG + t] = diag.data[at + t * stride]!;
  S.fill(1, DIAG + rows, DIAG + ceil4(rows));
}
