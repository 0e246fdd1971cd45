/** Takes Z̄, the gradient of the state, from a chunk to the one before, and computes the values from which the sums of ḡ start there. */
import type { Sink } from "./delta-sink.js";
import type { DeltaWalk } from "./delta-walk.js";
import { loadTransposed } from "./pack.js";
import type { Rows } from "./rows.js";
import { ceil4, F, FT, leadingDimension, scratch, UP, W, Y, ZT } from "./scratch.js";
import type { State } from "./state.js";

const S = scratch;

/** One panel of one entry on the way back. */
export interface Back {
  readonly walk: DeltaWalk;
  /** Z̄ */
  readonly stateBar: State;
  readonly outBar: Rows;
  readonly sink: Sink;
  /** ⟨Z, Z̄⟩ at the end of the chunk, for every channel, or over all where the decay is one number a row. */
  readonly closing: Float64Array;
  /** The panel's first column. */
  readonly j: number;
  readonly columns: number;
}

/**
 * Computes Z̄ ← diag(A) Z̄ + F̃ᵀ (B̄ | Ō) for `rank` channels from channel k on, and ⟨Z, Z̄⟩, from which the sums of ḡ
 * start in the chunk before.
 */
export function updateStateBar(
  { walk, stateBar, closing, columns }: Back,
  rows: number,
  k: number,
  rank: number,
): void {
  const { chunk, decay, early } = walk;
  const both = 2 * chunk;
  const ldr = ceil4(rank);
  loadTransposed(FT, both, S, F, ldr, both, rank);
  if (decay === "row") scaleColumns(both, rows, rank, early);
  const depth = chunk + rows;
  if (decay === "none") stateBar.add(W, FT, both, Y, rank, depth, columns);
  else stateBar.decayAndAdd(decay, FT, both, Y, rank, depth, columns);
  stateBar.leave(k, rank);
  if (decay !== "none") closeBefore(stateBar.ld, k, rank, columns, closing);
}

/**
 * Multiplies column v of the second half of Fᵀ by element v of UP, and likewise column v of the first half, or column v
 * + 1 where P reads the state before its row decays.
 */
function scaleColumns(ld: number, rows: number, rank: number, early: 0 | 1): void {
  for (let m = 0; m < rank; m++) {
    const row = (FT + m * ld) | 0;
    for (let v = 0; v < rows; v++) {
      const by = S[(UP + v) | 0]!;
      if (v + early < rows) S[(row + early + v) | 0] = by * S[(row + early + v) | 0]!;
      S[(row + ld / 2 + v) | 0] = by * S[(row + ld / 2 + v) | 0]!;
    }
  }
}

/** Computes ⟨Z, Z̄⟩ for `rank` channels from channel k on, four at a time. */
function closeBefore(ld: number, k: number, rank: number, columns: number, closing: Float64Array): void {
  const ldt = leadingDimension(rank);
  if (closing.length === 1 && k === 0) closing[0] = 0;
  for (let m = 0; m < rank; m += 4) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let z = (ZT + m) | 0;
    const end = (W + m * ld + columns) | 0;
    for (let at = (W + m * ld) | 0; at < end; at = (at + 1) | 0) {
      s0 += S[z]! * S[at]!;
      s1 += S[(z + 1) | 0]! * S[(at + ld) | 0]!;
      s2 += S[(z + 2) | 0]! * S[(at + 2 * ld) | 0]!;
      s3 += S[(z + 3) | 0]! * S[(at + 3 * ld) | 0]!;
      z = (z + ldt) | 0;
    }
    const sums = [s0, s1, s2, s3];
    for (let t = 0; t < Math.min(4, rank - m); t++) {
      if (closing.length === 1) closing[0]! += sums[t]!;
      else closing[k + m + t] = sums[t]!;
    }
  }
}
