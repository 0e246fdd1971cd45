/**
 * Decay along the columns of the state, which the gradients of Q and K need. E_ij acts on the columns of x_j; a copy of
 * X_c decays as the rows are visited and takes the place that G_c has elsewhere.
 */
import { coupleAndReadState } from "./chunk.js";
import { decayRow, decayWithRunning, loadFactors } from "./decay-channels.js";
import { clearRows } from "./pack.js";
import { COUPLING, FACTORS, RUNNING, scratch, X, Y } from "./scratch.js";
import type { State } from "./state.js";
import type { Walk } from "./walk.js";

const S = scratch;

/**
 * Computes Y ← T_cc X_c + F Z ∘ up for the rows visited from i on and the columns of the decay from j on. λ is at
 * `diag` in the scratch; where that is absent, λ is 0. X is left with its rows decayed until the end of the chunk.
 */
export function applyColumns(
  walk: Walk,
  state: State,
  diag: number | undefined,
  i: number,
  rows: number,
  j: number,
  columns: number,
): void {
  const { ld } = state;
  const { chunk } = walk;
  clearRows(Y, ld, rows, columns);
  coupleAndReadState(walk, state, i, rows, Y, columns);
  loadFactors(walk.gaps!, walk.trans, i, rows, j, columns, ld);
  S.fill(1, RUNNING, RUNNING + columns);
  for (let v = 0; v < rows; v++) {
    const factors = FACTORS + v * ld;
    const y = Y + v * ld;
    decayWithRunning(y, factors, columns);
    for (let w = 0; w < v; w++) {
      decayRow(X + w * ld, factors, columns);
      addRow(y, X + w * ld, S[COUPLING + v * chunk + w]!, columns);
    }
    if (diag !== undefined) addRow(y, X + v * ld, S[diag + v]!, columns);
  }
  if (walk.trans) for (let w = 0; w < rows; w++) decayRow(X + w * ld, FACTORS + rows * ld, columns);
}

function addRow(to: number, from: number, scale: number, n: number): void {
  for (let j = 0; j < n; j++) S[(to + j) | 0] = S[(to + j) | 0]! + scale * S[(from + j) | 0]!;
}
