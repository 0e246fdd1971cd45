/** The couplings of a chunk of a fused delta rule, what it reads of the state, and how the state goes on. */
import { decayTwo } from "./delta-decay-channels.js";
import { keysOf, loadFactorsOf, loadKeys, loadRawRows } from "./delta-load.js";
import { loadNorms } from "./delta-norms.js";
import type { DeltaWalk } from "./delta-walk.js";
import { decayCoupling, scaleRows, sumGaps } from "./decay-rows.js";
import { gemm, gemmCut } from "./gemm.js";
import { clearRows, copyRows } from "./pack.js";
import { ceil4, COUPLING, DOWN, F, GT, KEYS, RANK_MAX, RAW, UP, Z } from "./scratch.js";
import type { State } from "./state.js";
import { coupleTransposed } from "./tile-dot.js";

/**
 * Computes, for the rows from i on and with P and Q below each other, `chunk` rows each: COUPLING ← tril(P Kᵀ ∘ E, −1),
 * followed by tril(Q Kᵀ ∘ E), and target ← target + P̃ Z, followed by target + Q̃ Z. Leaves Kᵀ in GT for `updateState`,
 * or K̃ᵀ where every channel decays by itself.
 */
export function coupleAndReadState(
  walk: DeltaWalk,
  state: State,
  i: number,
  rows: number,
  target: number,
  columns: number,
): void {
  const { r, chunk, decay, early } = walk;
  const add = walk.f64 ? gemmCut : gemm;
  const both = walk.queries ? chunk + rows : rows;
  clearRows(COUPLING, chunk, 1, 2 * chunk * chunk);
  if (decay === "row") sumGaps(walk, i, rows);
  for (let k = 0; k < r; k += RANK_MAX) {
    const rank = Math.min(RANK_MAX, r - k);
    const ld = ceil4(rank);
    loadFactorsOf(walk, i, rows, k, rank);
    if (decay === "channel") decayTwo(walk, i, rows, k, rank, true);
    else coupleTransposed(COUPLING, chunk, F, keysOf(walk), ld, both, rank, cutOf(walk));
    if (decay === "row") {
      scaleRows(F + early * ld, ld, UP, rows - early, rank);
      if (walk.queries) scaleRows(F + chunk * ld, ld, UP, rows, rank);
    }
    state.enter(k, rank);
    add(target, state.ld, F, ld, Z, state.ld, both, rank, columns);
  }
  if (decay !== "row") return;
  decayCoupling(COUPLING + early * chunk, rows - early, chunk);
  if (walk.queries) decayCoupling(COUPLING + chunk * chunk, rows, chunk);
}

/** Returns how many products reach a sum in one chain. They are fewer in f64, where the roundings of a long chain would show. */
export const cutOf = ({ f64 }: DeltaWalk): number => (f64 ? 16 : 256);

/**
 * Loads what the backward pass needs of `rank` channels from channel k on, for the rows from i on: −P and Q in F and K
 * in KEYS. Where every channel decays by itself, −P and Q from before the decay go to RAW, F̃ to F and K̃ to DECAYED.
 * With `add` it adds the channels' part to both couplings, where a row decays by one number without E: the caller
 * multiplies by E once all channels are there.
 */
export function coupleRows(
  walk: DeltaWalk,
  i: number,
  rows: number,
  k: number,
  rank: number,
  add: boolean,
): void {
  const { chunk, decay } = walk;
  const ld = ceil4(rank);
  loadRawRows(walk, i, rows, k, rank);
  if (decay === "row" && k === 0) sumGaps(walk, i, rows);
  if (decay === "channel") {
    copyRows(RAW, ld, F, ld, 2 * chunk, ld, 1);
    decayTwo(walk, i, rows, k, rank, true);
  } else if (add) coupleTransposed(COUPLING, chunk, F, KEYS, ld, chunk + rows, rank, cutOf(walk));
}

/** Loads the keys and the decay of a chunk as `updateState` needs them, without the couplings. */
export function prepareUpdate(walk: DeltaWalk, i: number, rows: number): void {
  const rank = Math.min(RANK_MAX, walk.r);
  loadNorms(walk, i, rows);
  if (walk.decay === "row") sumGaps(walk, i, rows);
  if (walk.r > RANK_MAX) return;
  loadKeys(walk, i, rows, 0, rank);
  if (walk.decay === "channel") decayTwo(walk, i, rows, 0, rank, false);
}

/**
 * Updates the state, Z ← diag(A) Z + K̃ᵀ U, for the chunk that `coupleAndReadState` saw last. U is left with its rows
 * decayed until the end of the chunk.
 */
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
