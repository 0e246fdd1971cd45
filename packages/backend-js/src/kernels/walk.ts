import type { DecayKind, DiagLowRankTril, HostTensor, Sizes } from "@dlrt/core";
import { decayKind } from "@dlrt/core/backend";
import { decayCoupling, scaleRows, sumGaps } from "./decay-rows.js";
import { decayChannels } from "./decay-channels.js";
import { gemm, gemmCut } from "./gemm.js";
import { clearRows, loadRows, loadTransposed } from "./pack.js";
import { rowsOf, type Rows } from "./rows.js";
import { ceil4, chunkRows, COLUMNS_MAX, COUPLING, F, GT, RANK_MAX, STATE_MAX, Z } from "./scratch.js";
import { CHUNK_MAX, DECAY_CHUNK_MAX, DOWN, UP } from "./scratch.js";
import type { State } from "./state.js";
import { multiplyByLower } from "./triangular.js";

/**
 * The recursion over the rows of one batch entry: F and G are Q and K with rows from the first to the last, or, for Tᵀ,
 * exchanged and from the last to the first.
 */
export interface Walk {
  readonly f: Rows;
  readonly g: Rows;
  /** The decay g in the order visited, where there is one. */
  readonly gaps: Rows | undefined;
  /** What one number of the decay acts on: all of Z, a row of Z, or a column of Z. */
  readonly decay: DecayKind | "columns";
  readonly n: number;
  readonly r: number;
  /** rows per chunk */
  readonly chunk: number;
  readonly f64: boolean;
  readonly trans: boolean;
  /** −1 negates F, so that what is subtracted can be added. */
  readonly sign: 1 | -1;
}

/** What a kernel's parameters say of the recursion. */
interface Walked extends Sizes {
  readonly op: DiagLowRankTril<HostTensor>;
  readonly chunk?: number | undefined;
  readonly trans?: boolean;
  readonly decayOn?: "rank" | "columns";
}

export function walkOf(params: Walked, entry: number, sign: 1 | -1): Walk {
  const { op, n, r, trans = false } = params;
  const f64 = op.q.dtype === "f64";
  // A state without rows has nothing that decays.
  const gaps = r > 0 ? op.decay : undefined;
  let decay: Walk["decay"] = gaps === undefined ? "none" : decayKind(op);
  if (decay === "channel" && params.decayOn === "columns") decay = "columns";
  const most = decay === "channel" || decay === "columns" ? DECAY_CHUNK_MAX : CHUNK_MAX;
  return {
    f: rowsOf(trans ? op.k : op.q, entry, trans),
    g: rowsOf(trans ? op.q : op.k, entry, trans),
    gaps: gaps && rowsOf(gaps, entry, trans),
    decay,
    n,
    r,
    chunk: chunkRows(params.chunk, r, f64, most),
    f64,
    trans,
    sign,
  };
}

/** Most columns of the state that fit beside a rank. */
export function panelColumns(r: number): number {
  const rows = Math.max(4, ceil4(Math.min(r, RANK_MAX)));
  return Math.min(COLUMNS_MAX, Math.floor(STATE_MAX / rows) - 16);
}

/**
 * For the rows visited from i on: COUPLING ← ± tril(F_c G_cᵀ ∘ E, −1), E being what decays between two rows, and target ←
 * target ± F̃ Z. Leaves G_cᵀ in GT for `updateState`; G̃ᵀ where every channel decays by itself. Where columns decay, neither
 * E nor that of F̃ is in it.
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
  if (decay === "row") decayCoupling(rows, chunk);
}

/**
 * Z ← diag(A) Z + G̃ᵀ Y_c for the chunk that `coupleAndReadState` saw last; without decay A = 1 and G̃ = G_c. `lower` columns
 * follow the others, where Y_c is lower triangular and Z was 0. Y_c is left as its rows reach the end of the chunk.
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
