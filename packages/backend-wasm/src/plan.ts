import type { Dtype, Sizes } from "@dlrt/core";
import { Decay } from "./job.js";

/** Columns of a panel: 32 bytes. */
const panelColumns: Readonly<Record<Dtype, number>> = { f32: 8, f64: 4 };

/** Rows per chunk of solve and apply; larger ones waste work on the triangle, smaller ones spend it on adding to Z. */
const CHUNK = 16;
/** From this rank on the triangle weighs less. */
const DEEP = 256;
const DEEP_CHUNK = 32;
/** With so few columns the triangle weighs more. */
const NARROW = 16;
const NARROW_CHUNK = 8;
/** A chunk's rows are summed in blocks of 8: of more than four such blocks the rounding errors would add up. */
const MAX_CHUNK = 32;
/** Where every channel decays by itself, a chunk's couplings are running products of so many factors at most. */
const MAX_PRODUCTS = 16;
const Z_BYTES = 262144;
/** Rows per outer block of the inverse, multiples of 16: the larger where the rows below a block are many. */
const OUTER = 256;
const LARGE_OUTER = 512;
const LARGE_N = 4096;
const MAX_OUTER = 4096;
/** Fewer flops than these are not worth waking a thread: about 50 µs. */
const FLOPS_WORTH_A_THREAD = 2e6;

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

function fastest(r: number, p: number): number {
  if (p <= NARROW) return NARROW_CHUNK;
  return r < DEEP ? CHUNK : DEEP_CHUNK;
}

/** The chunk of solve and apply. With r = 0 no sum may run over rows: 0 · ∞ is not 0. */
export function sweepChunk(
  r: number,
  p: number,
  decay: (typeof Decay)[keyof typeof Decay],
  chunk: number = fastest(r, p),
): number {
  if (r === 0) return 1;
  return Math.min(chunk, decay === Decay.channel || decay === Decay.columns ? MAX_PRODUCTS : MAX_CHUNK);
}

/** Panels whose Z stays in the second-level cache: wider right-hand sides are done one such segment at a time. */
function cachedPanels(r: number): number {
  return Math.max(8, Math.floor(Z_BYTES / (32 * Math.max(1, r))));
}

/** How the columns of an entry are cut into items of solve and apply. */
export function sweepPlan(
  threads: number,
  { batch, n, r, p }: Sizes,
  dtype: Dtype,
): { readonly segment: number; readonly segments: number } {
  const width = panelColumns[dtype];
  const panels = Math.ceil(p / width);
  const shared = segmentsFor(threads, batch, panels, 4 * batch * n * r * p);
  const wanted = shared * Math.ceil(panels / (shared * cachedPanels(r)));
  const segment = Math.ceil(panels / wanted) * width;
  return { segment, segments: Math.ceil(p / segment) };
}

/** The outer block of the inverse. */
export function inverseChunk(n: number, chunk: number = n < LARGE_N ? OUTER : LARGE_OUTER): number {
  return Math.min(Math.ceil(chunk / 16) * 16, MAX_OUTER);
}

/** Segments per batch entry, so that `threads` share the work evenly: of `parts` there are at most as many. */
export function segmentsFor(threads: number, batch: number, parts: number, flops: number): number {
  if (threads === 1 || flops < FLOPS_WORTH_A_THREAD || batch >= 4 * threads) return 1;
  return Math.max(1, Math.min(parts, threads / divisor(threads, batch)));
}

/** Blocks or rows per item where the work is one list: four items a thread. */
export function share(threads: number, count: number, flops: number): number {
  return threads === 1 || flops < FLOPS_WORTH_A_THREAD ? count : Math.ceil(count / (4 * threads));
}

/** States that lie side by side, and what they have lost: more of them would not stay in the second-level cache. */
const STATES_BYTES = 524288;
/** Rows that are done one by one on the state as it lies, up to. */
const STEP_ROWS = 4;
/** Columns of a strip: 64 bytes. */
const stripColumns: Readonly<Record<Dtype, number>> = { f32: 16, f64: 8 };

/**
 * Where solve, apply and deltaRule do few rows one by one: how the columns of an entry are cut into items; undefined where there
 * are more rows, or none.
 */
export function stepPlan(
  threads: number,
  { batch, n, r, p }: Sizes,
  dtype: Dtype,
): { readonly segment: number; readonly segments: number } | undefined {
  if (n === 0 || n > STEP_ROWS || r === 0 || p === 0) return undefined;
  const strips = Math.ceil(p / stripColumns[dtype]);
  const wanted = segmentsFor(threads, batch, strips, 6 * batch * n * r * p);
  const segment = Math.ceil(strips / wanted) * stripColumns[dtype];
  return { segment, segments: Math.ceil(p / segment) };
}

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
  const fitting = STATES_BYTES / (2 * 32 * Math.max(1, r));
  const flops = 6 * batch * n * r * p;
  const shared = segmentsFor(threads, batch, panels, flops);
  const wanted = Math.max(shared, Math.ceil(panels / Math.max(8, Math.floor(fitting))));
  const segment = Math.ceil(panels / wanted) * width;
  const segments = Math.max(1, Math.ceil(p / segment));
  const most = Math.max(1, Math.floor(fitting / (segment / width)));
  // as many groups for every thread
  const busy = threads === 1 || flops < FLOPS_WORTH_A_THREAD ? 1 : threads;
  const groups = Math.ceil(Math.ceil(batch / most) / busy) * busy;
  return { group: Math.ceil(batch / Math.min(batch, groups)), segment, segments };
}

/** The chunk of deltaRuleVjp, which forms what decays between rows as running products. */
export function vjpChunk(
  r: number,
  p: number,
  decay: (typeof Decay)[keyof typeof Decay],
  chunk: number | undefined,
): number {
  return Math.min(sweepChunk(r, p, decay, chunk), decay === Decay.none ? MAX_CHUNK : MAX_PRODUCTS);
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
  const states = 2 * r * panels * 32;
  const record = (r + chunk + 3) * panels * 32;
  const room = Math.min(KEPT_BY_ONE, KEPT_BYTES / threads);
  const most = Math.max(1, Math.floor(STATES_BYTES / Math.max(1, states)));
  const busy = threads === 1 || 16 * batch * n * r * p < FLOPS_WORTH_A_THREAD ? 1 : threads;
  const groups = Math.ceil(Math.ceil(batch / most) / busy) * busy;
  const group = Math.ceil(batch / Math.min(batch, groups));
  const fitting = Math.floor(room / (chunks * record + states));
  if (fitting >= 1) return { group: Math.min(group, fitting), kept: chunks };
  return { group: 1, kept: Math.ceil(Math.sqrt(2 * chunks)) };
}
