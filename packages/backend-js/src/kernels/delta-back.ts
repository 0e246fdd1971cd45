/**
 * One chunk of the backward pass of a fused delta rule, equation (30). The rows of −P and of Q stand below each other
 * in F, and those of B̄ and Ō in Y.
 */
import { coupleRows, cutOf } from "./delta-chunk.js";
import { backThroughChannels, backThroughReads } from "./delta-back-channels.js";
import { loadNorms } from "./delta-norms.js";
import { updateStateBar, type Back } from "./delta-state-bar.js";
import { substituteUpward, transposeLower } from "./delta-triangular.js";
import { decayCoupling, scaleRows } from "./decay-rows.js";
import { gemm, gemmCut } from "./gemm.js";
import { clearRows, loadRows, loadTransposed } from "./pack.js";
import type { Rows } from "./rows.js";
import {
  ceil4,
  COUPLING,
  COUPLING_BAR,
  COUPLING_BAR_T,
  COUPLING_T,
  DECAYED,
  DOWN,
  F,
  KEYS,
  KEYS_BAR,
  leadingDimension,
  RANK_MAX,
  ROWS_BAR,
  UP,
  W,
  X,
  Y,
  ZT,
} from "./scratch.js";
import { coupleTransposed, gemmTransposed } from "./tile-dot.js";

/**
 * Computes the gradients of `rows` rows from row i on and hands them to the sink. Their corrections U are in X, and
 * `before` is the state before them. Then takes the gradient of the state to the chunk before: Z̄ ← diag(A) Z̄ + Q̃ᵀ Ō
 * − P̃ᵀ B̄.
 */
export function chunkBack(back: Back, i: number, rows: number, before: Rows): void {
  const { walk, sink, closing } = back;
  const { r, decay } = walk;
  const [closed] = closing;
  sink.begin();
  loadNorms(walk, i, rows);
  solveBack(back, i, rows);
  coupleBack(back, rows);
  sink.values(walk, i, rows, back.columns, back.stateBar.ld);
  // The gradient of a normalised row needs sums over all its channels. Where these are several panels, a first pass
  // over the panels adds up the sums, and a second one stores the gradients.
  const passes = walk.eps !== undefined && r > RANK_MAX ? 2 : 1;
  for (let pass = 0; pass < passes; pass++) {
    for (let k = 0; k < r; k += RANK_MAX) {
      const rank = Math.min(RANK_MAX, r - k);
      if (r > RANK_MAX) coupleRows(walk, i, rows, k, rank, false);
      rowsBack(back, rows, k, rank, before);
      const last = pass === passes - 1;
      sink.rows(walk, i, rows, k, rank, closing, pass === 0, last);
      if (last) updateStateBar(back, rows, k, rank);
    }
  }
  if (decay === "row") sink.gaps(walk, i, rows, closed!);
}

/** Computes Ō in the second half of Y and B̄ = (I + S)⁻ᵀ (Mᵀ Ō + K̃ Z̄) in the first. Leaves both couplings, S and M, at COUPLING. */
function solveBack({ walk, stateBar, outBar, j, columns }: Back, i: number, rows: number): void {
  const { r, chunk, decay, scale, early } = walk;
  const { ld } = stateBar;
  const add = walk.f64 ? gemmCut : gemm;
  const o = Y + chunk * ld;
  clearRows(Y, ld, chunk, ceil4(columns));
  loadRows(o, ld, outBar.data, outBar.start + i * outBar.stride + j, outBar.stride, rows, columns, scale);
  clearRows(COUPLING, chunk, 1, 2 * chunk * chunk);
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    coupleRows(walk, i, rows, k, rank, true);
    stateBar.enter(k, rank);
    add(Y, ld, decay === "channel" ? DECAYED : KEYS, ceil4(rank), W, ld, rows, rank, columns);
  }
  if (decay === "row") {
    decayCoupling(COUPLING + early * chunk, rows - early, chunk);
    decayCoupling(COUPLING + chunk * chunk, rows, chunk);
    scaleRows(Y, ld, DOWN, rows, columns);
  }
  transposeLower(COUPLING, COUPLING_T, chunk, rows);
  // Tiles of four rows read past the last row, where an earlier chunk has left its numbers. These are cleared, because
  // one of them may be NaN, and 0 · NaN is NaN.
  clearRows(Y + rows * ld, ld, chunk - rows, columns);
  for (let v = 0; v < rows; v += 4)
    gemm(
      Y + v * ld,
      ld,
      COUPLING_T + v * 2 * chunk + chunk + v,
      2 * chunk,
      o + v * ld,
      ld,
      4,
      rows - v,
      columns,
    );
  if (rows < chunk) clearGap(ld, chunk, rows, ceil4(columns));
  substituteUpward(Y, ld, COUPLING_T, 2 * chunk, rows, columns);
}

/** Clears the rows of Y between its two halves and after the second, because products over both halves read them. */
function clearGap(ld: number, chunk: number, rows: number, columns: number): void {
  clearRows(Y + rows * ld, ld, chunk - rows, columns);
  clearRows(Y + (chunk + rows) * ld, ld, chunk - rows, columns);
}

/**
 * Computes the gradients of both couplings, B̄ Uᵀ and Ō Uᵀ, and their transposes. Where a row decays by one number, it
 * multiplies them by what decays between their rows.
 */
function coupleBack({ walk, stateBar: { ld }, columns }: Back, rows: number): void {
  const { chunk, decay, early } = walk;
  clearRows(COUPLING_BAR, chunk, 1, 2 * chunk * chunk);
  coupleTransposed(COUPLING_BAR, chunk, Y, X, ld, chunk + rows, columns, cutOf(walk));
  if (decay === "row") {
    decayCoupling(COUPLING_BAR + early * chunk, rows - early, chunk);
    decayCoupling(COUPLING_BAR + chunk * chunk, rows, chunk);
  }
  transposeLower(COUPLING_BAR, COUPLING_BAR_T, chunk, rows);
}

/**
 * Computes, for `rank` channels from channel k on, the gradients of the rows before gates and normalisation. ROWS_BAR
 * receives up ∘ (B̄ Zᵀ) + (B̄ Uᵀ ∘ E) K = −P̄, followed by Q̄, which has Ō in the place of B̄. KEYS_BAR receives the
 * gradient of K as the write key, dn ∘ (U Z̄ᵀ) + (B̄ Uᵀ ∘ E)ᵀ (−P) + (Ō Uᵀ ∘ E)ᵀ Q.
 */
function rowsBack(
  { walk, stateBar, columns }: Back,
  rows: number,
  k: number,
  rank: number,
  before: Rows,
): void {
  const { chunk, decay, early, f64 } = walk;
  const { ld } = stateBar;
  const ldr = ceil4(rank);
  const ldt = leadingDimension(rank);
  const both = chunk + rows;
  const { data, start, stride } = before;
  loadTransposed(ZT, ldt, data, start + k * stride, stride, rank, columns);
  stateBar.enter(k, rank);
  clearRows(ROWS_BAR, ldr, both, ldr);
  clearRows(KEYS_BAR, ldr, ceil4(rows), ldr);
  (f64 ? gemmCut : gemm)(ROWS_BAR, ldr, Y, ld, ZT, ldt, both, columns, rank);
  gemmTransposed(KEYS_BAR, ldr, X, ld, W, ld, rows, columns, rank, cutOf(walk));
  if (decay === "channel") {
    backThroughReads(chunk, rows, ldr);
    backThroughChannels(chunk, rows, ldr);
    return;
  }
  if (decay === "row") {
    scaleRows(ROWS_BAR + early * ldr, ldr, UP, rows - early, rank);
    scaleRows(ROWS_BAR + chunk * ldr, ldr, UP, rows, rank);
    scaleRows(KEYS_BAR, ldr, DOWN, rows, rank);
  }
  for (let v = 0; v < both; v += 4) {
    const depth = Math.min(rows, (v % chunk) + 4);
    gemm(ROWS_BAR + v * ldr, ldr, COUPLING_BAR + v * chunk, chunk, KEYS, ldr, 4, depth, rank);
  }
  for (let v = 0; v < rows; v += 4) {
    for (const half of [0, chunk]) {
      const a = COUPLING_BAR_T + v * 2 * chunk + half + v;
      gemm(KEYS_BAR + v * ldr, ldr, a, 2 * chunk, F + (half + v) * ldr, ldr, 4, rows - v, rank);
    }
  }
}
