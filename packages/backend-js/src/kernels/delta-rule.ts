import type { HostTensor } from "@dlrt/core";
import type { DeltaRuleParams } from "@dlrt/core/backend";
import { panelColumns } from "./chunk.js";
import { coupleAndReadState, updateState } from "./delta-chunk.js";
import { loadWritten, readAhead } from "./delta-load.js";
import { loadNorms } from "./delta-norms.js";
import { deltaToken } from "./delta-token.js";
import { deltaWalkOf, type DeltaWalk } from "./delta-walk.js";
import { multiplyByCoupling, substitutePivots } from "./delta-triangular.js";
import { clearRows, storeRows } from "./pack.js";
import { rowsOf } from "./rows.js";
import { COUPLING, PIVOT, RANK_MAX, Y } from "./scratch.js";
import { State } from "./state.js";

/**
 * Follows equation (29) chunk by chunk: U = (I + S)⁻¹ (W − P̃ Z), O = s (Q̃ Z + M U), Z ← diag(A) Z + K̃ᵀ U. The rows
 * of P and of Q stand below each other in one block, so that one product reads the state for both.
 */
export function deltaRule(params: DeltaRuleParams<HostTensor>): void {
  const { n, p, r } = params;
  if (n === 1 && r <= RANK_MAX && !params.kept) return deltaToken(params);
  const width = panelColumns(r);
  for (let entry = 0; entry < params.batch; entry++) {
    const walk = deltaWalkOf(params, entry);
    for (let j = 0; j < p; j += width) deltaPanel(params, walk, entry, j, Math.min(width, p - j));
  }
}

function deltaPanel(
  { n, initialState, finalState, kept, out: target }: DeltaRuleParams<HostTensor>,
  walk: DeltaWalk,
  entry: number,
  j: number,
  columns: number,
): void {
  const out = rowsOf(target, entry);
  const keeps = kept && rowsOf(kept, entry);
  const state = new State(walk, columns);
  const { ld } = state;
  const { chunk, scale } = walk;
  const o = Y + chunk * ld;
  state.loadState(initialState && rowsOf(initialState, entry), j);
  for (let i = 0; i < n; i += chunk) {
    const rows = Math.min(chunk, n - i);
    readAhead(walk, out, i + rows, Math.min(chunk, n - i - rows), j, columns);
    loadNorms(walk, i, rows);
    loadWritten(walk, i, rows, j, Y, ld, columns);
    clearRows(o, ld, rows, columns);
    coupleAndReadState(walk, state, i, rows, Y, columns);
    substitutePivots(Y, ld, COUPLING, chunk, PIVOT, rows, columns);
    if (keeps) {
      const { data, start, stride } = keeps;
      storeRows(data, start + i * stride + j, stride, Y, ld, rows, columns, 1);
    }
    multiplyByCoupling(o, Y, ld, COUPLING + chunk * chunk, chunk, rows, columns);
    storeRows(out.data, out.start + i * out.stride + j, out.stride, o, ld, rows, columns, scale);
    updateState(walk, state, i, rows, Y, columns);
  }
  if (finalState) state.storeState(rowsOf(finalState, entry), j);
}
