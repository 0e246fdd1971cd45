import type { FloatArray, HostTensor } from "@dlrt/core";
import { gemm } from "./gemm.js";
import { clearRows, loadRows, loadTransposed, storeRows } from "./pack.js";
import { ceil4, COLUMNS_MAX, COUPLING, F, GT, leadingDimension, RANK_MAX, STATE_MAX, Z } from "./scratch.js";
import { multiplyByLower } from "./triangular.js";

/** One direction of the recursion: F and G are Q and K with rows from the first to the last, or exchanged and reversed. */
export interface Walk {
  readonly f: FloatArray;
  readonly g: FloatArray;
  readonly n: number;
  readonly r: number;
  /** rows per chunk */
  readonly chunk: number;
  readonly trans: boolean;
  /** −1 negates F, so that what is subtracted can be added. */
  readonly sign: 1 | -1;
}

/** Where the i-th row visited of a [batch, n, cols] tensor starts. */
export function rowOffset(walk: Walk, batch: number, i: number, cols: number): number {
  return (batch * walk.n + (walk.trans ? walk.n - 1 - i : i)) * cols;
}

/** Distance from one visited row to the next. */
export function rowStride(walk: Walk, cols: number): number {
  return walk.trans ? -cols : cols;
}

/** Most columns of the state that fit beside a rank. */
export function panelColumns(r: number): number {
  const rows = Math.max(4, ceil4(Math.min(r, RANK_MAX)));
  return Math.min(COLUMNS_MAX, Math.floor(STATE_MAX / rows) - 16);
}

/**
 * Z [r, columns] for one panel of columns. It stays in the scratch if its rank fits there; else it lives in `home` and
 * visits the scratch by panels of RANK_MAX rows.
 */
export class State {
  readonly ld: number;
  private readonly home: Float64Array | undefined;

  constructor(
    private readonly r: number,
    private readonly columns: number,
  ) {
    this.ld = leadingDimension(columns);
    if (r > RANK_MAX) this.home = new Float64Array(r * columns);
  }

  /** Z ← columns j.. of `source` [batch, r, p], or 0. */
  open(source: HostTensor | undefined, batch: number, j: number, p: number): void {
    for (let k = 0; k < this.r; k += RANK_MAX) {
      const rows = Math.min(RANK_MAX, this.r - k);
      if (source) loadRows(Z, this.ld, source.data, (batch * this.r + k) * p + j, p, rows, this.columns, 1);
      else clearRows(Z, this.ld, rows, this.columns);
      this.leave(k, rows);
    }
  }

  /** Columns j.. of `target` [batch, r, p] ← Z. */
  close(target: HostTensor, batch: number, j: number, p: number): void {
    for (let k = 0; k < this.r; k += RANK_MAX) {
      const rows = Math.min(RANK_MAX, this.r - k);
      this.enter(k, rows);
      storeRows(target.data, (batch * this.r + k) * p + j, p, Z, this.ld, rows, this.columns, 1);
    }
  }

  /** Brings rows k.. into the scratch. */
  enter(k: number, rows: number): void {
    if (this.home) loadRows(Z, this.ld, this.home, k * this.columns, this.columns, rows, this.columns, 1);
  }

  /** Takes rows k.. home from the scratch. */
  leave(k: number, rows: number): void {
    if (this.home) storeRows(this.home, k * this.columns, this.columns, Z, this.ld, rows, this.columns, 1);
  }
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
  clearRows(COUPLING, walk.chunk, 1, walk.chunk * walk.chunk);
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    const ldf = ceil4(rank);
    loadRows(F, ldf, walk.f, rowOffset(walk, batch, i, r) + k, rowStride(walk, r), rows, rank, walk.sign);
    loadG(walk, batch, i, rows, k, rank);
    for (let m = 0; m < rows; m += 4) {
      gemm(COUPLING + m * walk.chunk, walk.chunk, F + m * ldf, ldf, GT, walk.chunk, 4, rank, m + 4);
    }
    state.enter(k, rank);
    gemm(target, state.ld, F, ldf, Z, state.ld, rows, rank, columns);
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
  for (let k = 0; k < walk.r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, walk.r - k);
    if (walk.r > RANK_MAX) loadG(walk, batch, i, rows, k, rank);
    state.enter(k, rank);
    gemm(Z, state.ld, GT, walk.chunk, y, state.ld, rank, rows, columns);
    multiplyByLower(Z + columns, state.ld, GT, walk.chunk, y + columns, state.ld, rank, lower);
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
