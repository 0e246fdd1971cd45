import type { HostTensor } from "@dlrt/core";
import type { ApplyParams } from "@dlrt/core/backend";
import { coupleAndReadState, loadDiag, panelColumns, updateState } from "./chunk.js";
import { applyColumns } from "./decay-columns.js";
import { clearRows, loadRows, storeRows } from "./pack.js";
import { rowsOf } from "./rows.js";
import { COUPLING, DIAG, scratch, X, Y } from "./scratch.js";
import { State } from "./state.js";
import { multiply } from "./triangular.js";
import { walkOf, type Walk } from "./walk.js";

/**
 * Follows equation (5) chunk by chunk, for Tᵀ in the rows and roles of equation (8): Y_c = T_cc X_c + F̃ Z, then Z ←
 * diag(A) Z + G̃ᵀ X_c.
 */
export function apply(params: ApplyParams<HostTensor>): void {
  const { p, r } = params;
  const width = panelColumns(r);
  for (let entry = 0; entry < params.batch; entry++) {
    const walk = walkOf(params, entry, 1);
    for (let j = 0; j < p; j += width) applyPanel(params, walk, entry, j, Math.min(width, p - j));
  }
}

function applyPanel(
  params: ApplyParams<HostTensor>,
  walk: Walk,
  entry: number,
  j: number,
  columns: number,
): void {
  const { n, alpha, trans, initialState, finalState } = params;
  const x = rowsOf(params.x, entry, trans);
  const out = rowsOf(params.out, entry, trans);
  const diag = params.op.diag && rowsOf(params.op.diag, entry, trans);
  const state = new State(walk, columns);
  const { ld } = state;
  state.loadState(initialState && rowsOf(initialState, entry), j);
  for (let i = 0; i < n; i += walk.chunk) {
    const rows = Math.min(walk.chunk, n - i);
    loadRows(X, ld, x.data, x.start + i * x.stride + j, x.stride, rows, columns, 1);
    if (diag) loadDiag(diag, i, rows);
    if (walk.decay === "columns") {
      applyColumns(walk, state, diag && DIAG, i, rows, j, columns);
    } else {
      if (diag) scaleX(ld, rows, columns);
      else clearRows(Y, ld, rows, columns);
      coupleAndReadState(walk, state, i, rows, Y, columns);
      multiply(Y, X, ld, COUPLING, walk.chunk, rows, columns);
    }
    storeRows(out.data, out.start + i * out.stride + j, out.stride, Y, ld, rows, columns, alpha);
    updateState(walk, state, i, rows, X, columns);
  }
  if (finalState) state.storeState(rowsOf(finalState, entry), j);
}

const S = scratch;

/** Computes Y ← Λ X. */
function scaleX(ld: number, rows: number, columns: number): void {
  for (let i = 0; i < rows; i++) {
    const d = S[DIAG + i]!;
    for (let j = i * ld; j < i * ld + columns; j++) S[Y + j] = d * S[X + j]!;
  }
}
