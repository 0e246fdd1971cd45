import type { Dtype, Shape, Sizes } from "@dlrt/core";
import { PANEL_BYTES } from "./generated/record.js";
import { Decay } from "./job.js";
import {
  FLOPS_WORTH_A_THREAD,
  MAX_CHUNK,
  MAX_PRODUCTS,
  panelColumns,
  segmentsFor,
  sweepChunk,
} from "./plan.js";

/** States that lie side by side, and what they have lost: more of them would not stay in the second-level cache. */
const STATES_BYTES = 524288;

export interface DeltaPlan {
  /** Batch entries per item, which go through the rows side by side. */
  readonly group: number;
  /** Columns per item. */
  readonly segment: number;
  readonly segments: number;
}

/** How deltaRule is shared out: groups of batch entries, and where these are fewer than threads or their states too large, columns. */
export function deltaPlan(threads: number, { batch, n, r, p }: Sizes, dtype: Dtype): DeltaPlan {
  const width = panelColumns[dtype];
  const panels = Math.max(1, Math.ceil(p / width));
  const fitting = STATES_BYTES / (2 * PANEL_BYTES * Math.max(1, r));
  const flops = 6 * batch * n * r * p;
  const shared = segmentsFor(threads, batch, panels, flops);
  const wanted = Math.max(shared, Math.ceil(panels / Math.max(8, Math.floor(fitting))));
  const segment = Math.ceil(panels / wanted) * width;
  const segments = Math.max(1, Math.ceil(p / segment));
  const most = Math.max(1, Math.floor(fitting / (segment / width)));
  return { group: groupOf(threads, batch, most, flops), segment, segments };
}

/** Batch entries per item: at most so many, and fewer where all threads then have as many items. */
function groupOf(threads: number, batch: number, most: number, flops: number): number {
  const busy = threads === 1 || flops < FLOPS_WORTH_A_THREAD ? 1 : threads;
  const groups = Math.ceil(Math.ceil(batch / most) / busy) * busy;
  return Math.ceil(batch / Math.min(batch, groups));
}

/** The chunk of deltaRuleVjp, which forms what decays between rows as running products. */
export function vjpChunk(r: number, p: number, decay: Decay, chunk: number | undefined): number {
  return Math.min(sweepChunk(r, p, decay, chunk), decay === Decay.none ? MAX_CHUNK : MAX_PRODUCTS);
}

/** Rows from one state that deltaRule keeps to the next, at most. */
const KEPT_ROWS = 128;

/** The same for so many rows, a multiple of 4, so that the last ones are not much fewer. */
export function keptRows(n: number): number {
  const even = Math.ceil(n / Math.ceil(n / KEPT_ROWS));
  return n > KEPT_ROWS ? Math.ceil(even / 32) * 32 : Math.ceil(n / 4) * 4;
}

/** The tensor that deltaRule keeps its states and corrections in, as assembly/delta-kept.ts has them. */
export function keptShape({ batch, n, r, p }: Sizes, dtype: Dtype): Shape {
  if (n === 0 || r === 0 || p === 0) return [batch, 0, 0];
  const rows = keptRows(n);
  const width = panelColumns[dtype];
  return [batch, Math.ceil(n / rows) * (r + rows), Math.ceil(p / width) * width];
}

/** States that deltaRuleVjp keeps, by all threads together. */
const KEPT_BYTES = 2 ** 28;
/** … and by one of them. */
const KEPT_BY_ONE = 2 ** 27;

/**
 * Batch entries per item of deltaRuleVjp, and chunks whose states are kept at a time: all where there is room, which saves computing
 * them twice; else as many as, with the states where segments of so many start, take the least.
 */
export function vjpPlan(
  threads: number,
  { batch, n, r, p }: Sizes,
  chunk: number,
  dtype: Dtype,
): { readonly group: number; readonly kept: number } {
  const chunks = Math.max(1, Math.ceil(n / chunk));
  const panels = Math.ceil(p / panelColumns[dtype]);
  const states = 2 * r * panels * PANEL_BYTES;
  const record = (r + chunk + 3) * panels * PANEL_BYTES;
  const room = Math.min(KEPT_BY_ONE, KEPT_BYTES / threads);
  const most = Math.max(1, Math.floor(STATES_BYTES / Math.max(1, states)));
  const group = groupOf(threads, batch, most, 16 * batch * n * r * p);
  const fitting = Math.floor(room / (chunks * record + states));
  if (fitting >= 1) return { group: Math.min(group, fitting), kept: chunks };
  return { group: 1, kept: Math.ceil(Math.sqrt(2 * chunks)) };
}

/** States of chunks that lie side by side: more of them would not stay in the second-level cache. */
const RECORDS_BYTES = 2 ** 20;

/** The same where deltaRule has kept a state for every so many rows: the states of the chunks between are recorded. */
export function replayPlan(
  threads: number,
  { batch, n, r, p }: Sizes,
  chunk: number,
  dtype: Dtype,
): { readonly group: number; readonly kept: number } {
  const kept = Math.ceil(keptRows(n) / chunk);
  const panels = Math.ceil(p / panelColumns[dtype]);
  const most = Math.max(1, Math.floor(RECORDS_BYTES / ((kept + 4) * r * panels * PANEL_BYTES)));
  return { group: groupOf(threads, batch, most, 14 * batch * n * r * p), kept };
}
