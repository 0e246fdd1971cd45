import { gemm, gemmCut } from "./gemm.js";
import { clearRows, loadRows, loadTransposed } from "./pack.js";
import { ceil4, COLUMNS_MAX, COUPLING, F, GT, RANK_MAX, STATE_MAX, Z } from "./scratch.js";
import type { State } from "./state.js";
import { multiplyByLower } from "./triangular.js";
import { rowOffset, rowStride, type Walk } from "./walk.js";

/** Most columns of the state that fit beside a rank. */
export function panelColumns(r: number): number {
  const rows = Math.max(4, ceil4(Math.min(r, RANK_MAX)));
  return Math.min(COLUMNS_MAX, Math.floor(STATE_MAX / rows) - 16);
}

/** COUPLING ← ± tril(F_c G_cᵀ, −1), target ← target ± F_c Z for the rows visited from i on; leaves G_cᵀ in GT. */
export function addLowRank(
  walk: Walk,
  state: State,
  batch: number,
  i: number,
  rows: number,
  target: number,
  columns: number,
): void {
  const { r } = walk;
  const add = walk.f instanceof Float64Array ? gemmCut : gemm;
  clearRows(COUPLING, walk.chunk, 1, walk.chunk * walk.chunk);
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    const ldf = ceil4(rank);
    loadRows(F, ldf, walk.f, rowOffset(walk, batch, i, r) + k, rowStride(walk, r), rows, rank, walk.sign);
    loadG(walk, batch, i, rows, k, rank);
    for (let m = 0; m < rows; m += 4) {
      add(COUPLING + m * walk.chunk, walk.chunk, F + m * ldf, ldf, GT, walk.chunk, 4, rank, m + 4);
    }
    state.enter(k, rank);
    add(target, state.ld, F, ldf, Z, state.ld, rows, rank, columns);
  }
}

/**
 * Z ← Z + G_cᵀ Y_c for the chunk that `addLowRank` saw last. `lower` columns follow the others, where Y_c is lower
 * triangular and Z was 0.
 */
export function advance(
  walk: Walk,
  state: State,
  batch: number,
  i: number,
  rows: number,
  y: number,
  columns: number,
  lower = 0,
): void {
  const { ld } = state;
  const { r, chunk } = walk;
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    if (r > RANK_MAX) loadG(walk, batch, i, rows, k, rank);
    state.enter(k, rank);
    state.add(Z, GT, chunk, y, rank, rows, columns);
    for (let l = 0; l < lower; l += 12) {
      const yl = y + l * ld + columns;
      const depth = Math.min(12, lower - l);
      state.add(Z + columns, GT + l, chunk, yl, rank, depth, l);
      multiplyByLower(Z + columns + l, ld, GT + l, chunk, yl + l, ld, rank, depth);
    }
    state.leave(k, rank);
  }
}

function loadG(walk: Walk, batch: number, i: number, rows: number, k: number, rank: number): void {
  loadTransposed(
    GT,
    walk.chunk,
    walk.g,
    rowOffset(walk, batch, i, walk.r) + k,
    rowStride(walk, walk.r),
    rows,
    rank,
  );
}
