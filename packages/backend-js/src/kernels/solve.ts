import type { HostTensor } from "@dlrt/core";
import type { SolveParams } from "@dlrt/core/backend";
import { coupleAndReadState, loadDiag, panelColumns, updateState } from "./chunk.js";
import { loadRows, storeRows } from "./pack.js";
import { rowsOf } from "./rows.js";
import { COUPLING, DIAG, Y } from "./scratch.js";
import { State } from "./state.js";
import { substitute } from "./triangular.js";
import { walkOf, type Walk } from "./walk.js";

/**
 * Follows equation (6) chunk by chunk, for Tᵀ in the rows and roles of equation (8): Y_c = T_cc⁻¹ (B_c − F̃ Z), then Z
 * ← diag(A) Z + G̃ᵀ Y_c.
 */
export function solve(params: SolveParams<HostTensor>): void {
  const { p, r } = params;
  const width = panelColumns(r);
  for (let entry = 0; entry < params.batch; entry++) {
    const walk = walkOf(params, entry, -1);
    for (let j = 0; j < p; j += width) solvePanel(params, walk, entry, j, Math.min(width, p - j));
  }
}

function solvePanel(
  params: SolveParams<HostTensor>,
  walk: Walk,
  entry: number,
  j: number,
  columns: number,
): void {
  const { n, alpha, trans, initialState, finalState } = params;
  const b = rowsOf(params.b, entry, trans);
  const out = rowsOf(params.out, entry, trans);
  const diag = rowsOf(params.op.diag, entry, trans);
  const state = new State(walk, columns);
  const { ld } = state;
  state.loadState(initialState && rowsOf(initialState, entry), j);
  for (let i = 0; i < n; i += walk.chunk) {
    const rows = Math.min(walk.chunk, n - i);
    loadRows(Y, ld, b.data, b.start + i * b.stride + j, b.stride, rows, columns, 1);
    loadDiag(diag, i, rows);
    coupleAndReadState(walk, state, i, rows, Y, columns);
    substitute(Y, ld, COUPLING, walk.chunk, DIAG, rows, columns);
    storeRows(out.data, out.start + i * out.stride + j, out.stride, Y, ld, rows, columns, alpha);
    updateState(walk, state, i, rows, Y, columns);
  }
  if (finalState) state.storeState(rowsOf(finalState, entry), j);
}
