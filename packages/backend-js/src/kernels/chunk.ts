/**
 * What solve, apply and inverse have in common in a chunk: its couplings, what it reads of the state, and how it
 * changes the state.
 */
import { decayChannels } from "./decay-channels.js";
import { decayCoupling, scaleRows, sumGaps } from "./decay-rows.js";
import { gemm, gemmCut } from "./gemm.js";
import { clearRows, loadRows, loadTransposed } from "./pack.js";
import {
  ceil4,
  COLUMNS_MAX,
  COUPLING,
  DIAG,
  DOWN,
  F,
  GT,
  RANK_MAX,
  scratch,
  STATE_MAX,
  UP,
  Z,
} from "./scratch.js";
import type { Rows } from "./rows.js";
import type { State } from "./state.js";
import { multiplyByLower } from "./triangular.js";
import type { Walk } from "./walk.js";

/** The most columns of the state that fit into the scratch at this rank. */
export function panelColumns(r: number): number {
  const rows = Math.max(4, ceil4(Math.min(r, RANK_MAX)));
  return Math.min(COLUMNS_MAX, Math.floor(STATE_MAX / rows) - 16);
}

/**
 * For the rows visited from i on, computes COUPLING ← ± tril(F_c G_cᵀ ∘ E, −1), where E is what decays between two
 * rows, and target ← target ± F̃ Z. It leaves G_cᵀ in GT for `updateState`, or G̃ᵀ where every channel decays by
 * itself. Where columns decay, neither E nor the decay in F̃ is applied here.
 */
export function coupleAndReadState(
  walk: Walk,
  state: State,
  i: number,
  rows: number,
  target: number,
  columns: number,
): void {
  const { r, chunk, decay } = walk;
  const add = walk.f64 ? gemmCut : gemm;
  clearRows(COUPLING, chunk, 1, chunk * chunk);
  if (decay === "row") sumGaps(walk, i, rows);
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    const ldf = ceil4(rank);
    const { data, start, stride } = walk.f;
    loadRows(F, ldf, data, start + i * stride + k, stride, rows, rank, walk.sign);
    if (decay === "channel") {
      decayChannels(walk, i, rows, k, rank, true);
    } else {
      loadG(walk, i, rows, k, rank);
      for (let m = 0; m < rows; m += 4) {
        add(COUPLING + m * chunk, chunk, F + m * ldf, ldf, GT, chunk, 4, rank, m + 4);
      }
      if (decay === "row") scaleRows(F, ldf, UP, rows, rank);
    }
    state.enter(k, rank);
    add(target, state.ld, F, ldf, Z, state.ld, rows, rank, columns);
  }
  if (decay === "row") decayCoupling(COUPLING, rows, chunk);
}

/**
 * Updates the state, Z ← diag(A) Z + G̃ᵀ Y_c, for the chunk that `coupleAndReadState` saw last; without decay A = 1 and
 * G̃ = G_c. The last `lower` columns are those in which Y_c is lower triangular and Z was 0. Y_c is left with its rows
 * decayed until the end of the chunk.
 */
export function updateState(
  walk: Walk,
  state: State,
  i: number,
  rows: number,
  y: number,
  columns: number,
  lower = 0,
): void {
  const { ld } = state;
  const { r, chunk, decay } = walk;
  if (decay === "row") scaleRows(y, ld, DOWN, rows, columns + lower);
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    if (r > RANK_MAX) {
      if (decay === "channel") decayChannels(walk, i, rows, k, rank, false);
      else loadG(walk, i, rows, k, rank);
    }
    state.enter(k, rank);
    if (decay === "none") state.add(Z, GT, chunk, y, rank, rows, columns);
    else state.decayAndAdd(decay, GT, chunk, y, rank, rows, columns);
    for (let l = 0; l < lower; l += 12) {
      const yl = y + l * ld + columns;
      const depth = Math.min(12, lower - l);
      state.add(Z + columns, GT + l, chunk, yl, rank, depth, l);
      multiplyByLower(Z + columns + l, ld, GT + l, chunk, yl + l, ld, rank, depth);
    }
    state.leave(k, rank);
  }
}

function loadG(walk: Walk, i: number, rows: number, k: number, rank: number): void {
  const { data, start, stride } = walk.g;
  loadTransposed(GT, walk.chunk, data, start + i * stride + k, stride, rows, rank);
}

const S = scratch;

/** Loads λ_c of the rows visited from i on, and 1 for rows past the end. */
export function loadDiag({ data, start, stride }: Rows, i: number, rows: number): void {
  const at = start + i * stride;
  for (let t = 0; t < rows; t++) S[DIAG + t] = data[at + t * stride]!;
  S.fill(1, DIAG + rows, DIAG + ceil4(rows));
}
