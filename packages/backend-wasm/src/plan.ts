import type { Dtype, Sizes } from "@dlrt/core";
import { Decay } from "./job.js";

/** Columns of a panel: 32 bytes. */
export const panelColumns: Readonly<Record<Dtype, number>> = { f32: 8, f64: 4 };

/** Rows per chunk of solve and apply; larger ones waste work on the triangle, smaller ones spend it on adding to Z. */
const CHUNK = 16;
/** From this rank on the triangle weighs less. */
const DEEP = 256;
const DEEP_CHUNK = 32;
/** With so few columns the triangle weighs more. */
const NARROW = 16;
const NARROW_CHUNK = 8;
/** A chunk's rows are summed in blocks of 8: of more than four such blocks the rounding errors would add up. */
export const MAX_CHUNK = 32;
/** Where every channel decays by itself, a chunk's couplings are running products of so many factors at most. */
export const MAX_PRODUCTS = 16;
const Z_BYTES = 262144;
/** Rows per outer block of the inverse, multiples of 16: the larger where the rows below a block are many. */
const OUTER = 256;
const LARGE_OUTER = 512;
const LARGE_N = 4096;
const MAX_OUTER = 4096;
/** Fewer flops than these are not worth waking a thread: about 50 µs. */
export const FLOPS_WORTH_A_THREAD = 2e6;

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
