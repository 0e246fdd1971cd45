import { gram, pivots, transpose } from "./chunk";
import { decayedRows } from "./decay-scratch";
import { decayChannels } from "./decay-channels";
import { rankStride } from "./decay-layout";
import { decayRows } from "./decay-rows";
import { Decay } from "./job";
import { bytes, panels } from "./lanes";
import { touch } from "./panels";
import { Sweep } from "./sweep";
import { packTail } from "./update";

/**
 * Computes F_cᵀ, Sᵀ and the pivots of the chunk that starts at row l. Returns whether rows must be divided by λ itself.
 */
export function openChunk<T>(sweep: Sweep, l: i32, rows: i32, reciprocal: bool): bool {
  const g = sweep.g + l * sweep.gs;
  const r = sweep.r;
  if (sweep.decay == Decay.channel) decayChannels<T>(sweep, l, rows);
  else {
    transpose<T>(sweep.f + l * sweep.fs, sweep.fs, rows, r, sweep.ft, sweep.ts);
    gram<T>(g, sweep.gs, rows, sweep.ft, r, sweep.ts, sweep.ft + sweep.depth * sweep.ts);
    if (sweep.decay == Decay.row) decayRows<T>(sweep, l, rows);
  }
  if (decaysByRank(sweep)) packTail<T>(decayedRows(sweep), rankStride<T>(r), rows, r, sweep.gTail);
  else packTail<T>(g, sweep.gs, rows, r, sweep.gTail);
  if (!sweep.diag) return false;
  return pivots<T>(sweep.diag + l * sweep.ds, sweep.ds, rows, sweep.pivot, reciprocal);
}

/** Tells whether rows of Z decay. What is added to Z is then the rows of a copy of G_c. */
export function decaysByRank(sweep: Sweep): bool {
  return sweep.decay == Decay.row || sweep.decay == Decay.channel;
}

/** Where a chunk's rows of F take up to so many bytes, those of the next chunk are touched little by little. */
const PAGE: i32 = 4096;

/**
 * Returns how many rows of the next chunk are touched for every panel. The processor fetches ahead what is read in one
 * long run, but not a few lines here and there. These cost less waiting if they are spread over the panels (6 % at r =
 * p = 64, 14 % at 32, in f32).
 */
export function touchStep<T>(sweep: Sweep): i32 {
  if (sweep.chunk * sweep.r * sizeof<T>() > PAGE) return sweep.chunk;
  const count = max(1, panels<T>(sweep.cols));
  return (sweep.chunk + count - 1) / count;
}

/**
 * Touches those of the `rows` rows of F, G, B and the output from row l on that exist. A line that is to be written is
 * fetched first, so that touching the output saves as much waiting as touching what is read: 5 to 8 % of a solve or
 * apply of 8 heads, 4096 × 64, in f32.
 */
export function touchRows<T>(sweep: Sweep, l: i32, rows: i32): void {
  rows = min(rows, sweep.n - l);
  touch(sweep.f + l * sweep.fs, sweep.fs, rows, bytes<T>(sweep.r));
  touch(sweep.g + l * sweep.gs, sweep.gs, rows, bytes<T>(sweep.r));
  touch(sweep.b + l * sweep.bs, sweep.bs, rows, bytes<T>(sweep.cols));
  touch(sweep.out + l * sweep.os, sweep.os, rows, bytes<T>(sweep.cols));
  if (sweep.decay == Decay.channel) touch(sweep.gap + l * sweep.ps, sweep.ps, rows, bytes<T>(sweep.r));
}
