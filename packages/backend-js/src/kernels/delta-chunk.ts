/** The couplings of a chunk of a fused delta rule, what it reads of the state, and how the state goes on. */
import { decayTwo } from "./delta-channels.js";
import { loadFactorsOf, loadKeys } from "./delta-load.js";
import type { DeltaWalk } from "./delta-walk.js";
import { decayCoupling, scaleRows, sumGaps } from "./decay-rows.js";
import { gemm, gemmCut } from "./gemm.js";
import { clearRows } from "./pack.js";
import { ceil4, COUPLING, DOWN, F, GT, RANK_MAX, UP, Z } from "./scratch.js";
import type { State } from "./state.js";

/**
 * For the rows from i on, with P and Q below each other, `chunk` rows each: COUPLING ← −tril(P Kᵀ ∘ E, −1), followed by
 * tril(Q Kᵀ ∘ E), and target ← target − P̃ Z, followed by target + Q̃ Z. Leaves Kᵀ in GT for `updateState`, or K̃ᵀ where every channel
 * decays by itself.
 */
export function coupleAndReadState(
  walk: DeltaWalk,
  state: State,
  i: number,
  rows: number,
  target: number,
  columns: number,
): void {
  const { r, chunk, decay } = walk;
  const add = walk.f64 ? gemmCut : gemm;
  const both = chunk + rows;
  clearRows(COUPLING, chunk, 1, 2 * chunk * chunk);
  if (decay === "row") sumGaps(walk, i, rows);
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    const ld = ceil4(rank);
    loadFactorsOf(walk, i, rows, k, rank);
    if (decay === "channel") decayTwo(walk, i, rows, k, rank, true);
    else {
      for (let m = 0; m < both; m += 4) {
        add(COUPLING + m * chunk, chunk, F + m * ld, ld, GT, chunk, 4, rank, (m % chunk) + 4);
      }
      if (decay === "row") {
        scaleRows(F, ld, UP, rows, rank);
        scaleRows(F + chunk * ld, ld, UP, rows, rank);
      }
    }
    state.enter(k, rank);
    add(target, state.ld, F, ld, Z, state.ld, both, rank, columns);
  }
  if (decay === "row") {
    decayCoupling(COUPLING, rows, chunk);
    decayCoupling(COUPLING + chunk * chunk, rows, chunk);
  }
}

/** Z ← diag(A) Z + K̃ᵀ U for the chunk that `coupleAndReadState` saw last. U is left as its rows reach the end of the chunk. */
export function updateState(
  walk: DeltaWalk,
  state: State,
  i: number,
  rows: number,
  u: number,
  columns: number,
): void {
  const { r, chunk, decay } = walk;
  if (decay === "row") scaleRows(u, state.ld, DOWN, rows, columns);
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    if (r > RANK_MAX) {
      loadKeys(walk, i, rows, k, rank);
      if (decay === "channel") decayTwo(walk, i, rows, k, rank, false);
    }
    state.enter(k, rank);
    if (decay === "none") state.add(Z, GT, chunk, u, rank, rows, columns);
    else state.decayAndAdd(decay, GT, chunk, u, rank, rows, columns);
    state.leave(k, rank);
  }
}
