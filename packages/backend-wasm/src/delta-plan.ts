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

/**
 * The most bytes of states of batch entries that take turns, together with what they have lost. More would not stay in the second-level
 * cache.
 */
const STATES_BYTES = 524288;

export interface DeltaPlan {
  /** The number of batch entries of an item, which go through the rows side by side. */
  readonly group: number;
  /** The number of columns of an item. */
  readonly segment: number;
  /** The number of items into which a group of batch entries is cut. */
  readonly segments: number;
}

/**
 * Cuts deltaRule into items: groups of batch entries and, where there are fewer groups than threads or the states are too large, parts of the
 * columns too.
 */
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

/** The number of batch entries of an item: at most `most`, and fewer where the threads then have equally many items. */
function groupOf(threads: number, batch: number, most: number, flops: number): number {
  const busy = threads === 1 || flops < FLOPS_WORTH_A_THREAD ? 1 : threads;
  const groups = Math.ceil(Math.ceil(batch / most) / busy) * busy;
  return Math.ceil(batch / Math.min(batch, groups));
}

/** The number of rows in a chunk of deltaRuleVjp. It is a short one with any decay, because running products over its rows are formed. */
export function vjpChunk(r: number, p: number, decay: Decay, chunk: number | undefined): number {
  return Math.min(sweepChunk(r, p, decay, chunk), decay === Decay.none ? MAX_CHUNK : MAX_PRODUCTS);
}

/** The most rows from one state that deltaRule keeps to the next. */
const KEPT_ROWS = 128;

/** The number of rows from one kept state to the next, of a sequence of n. It is a multiple of 4, and such that the last ones are not much fewer. */
export function keptRows(n: number): number {
  const even = Math.ceil(n / Math.ceil(n / KEPT_ROWS));
  return n > KEPT_ROWS ? Math.ceil(even / 32) * 32 : Math.ceil(n / 4) * 4;
}

/** The shape of the tensor in which deltaRule keeps its states and corrections, as assembly/delta-kept.ts lays them out. */
export function keptShape({ batch, n, r, p }: Sizes, dtype: Dtype): Shape {
  if (n === 0 || r === 0 || p === 0) return [batch, 0, 0];
  const rows = keptRows(n);
  const width = panelColumns[dtype];
  return [batch, Math.ceil(n / rows) * (r + rows), Math.ceil(p / width) * width];
}

/** The most bytes of states that all threads of a deltaRuleVjp keep together. */
const KEPT_BYTES = 2 ** 28;
/** The most bytes of states that one of them keeps. */
const KEPT_BY_ONE = 2 ** 27;

/**
 * The number of batch entries of an item of deltaRuleVjp, and the number of chunks whose states are kept at a time. Where there is room all are
 * kept, which saves computing them twice. Otherwise segments of `kept` chunks are computed again, each from the state where it starts; `kept`
 * is the number at which those states, each as large as two of Z, and the records of one segment, each about as large as Z, take the least
 * together: √(2 chunks).
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

/** The most bytes of recorded states of an item. More would not stay in the second-level cache. */
const RECORDS_BYTES = 2 ** 20;

/** Does what vjpPlan does, where deltaRule has kept a state for every keptRows(n) rows: the states of the chunks between are recorded. */
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
