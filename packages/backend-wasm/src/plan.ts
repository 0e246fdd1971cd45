import type { Dtype, Sizes } from "@dlrt/core";
import { INNER_ROWS, PANEL_BYTES, STEP_ROWS, STRIP_BYTES } from "./generated/record.js";
import { Decay } from "./job.js";

/** The number of columns in a panel. */
export const panelColumns: Readonly<Record<Dtype, number>> = { f32: PANEL_BYTES / 4, f64: PANEL_BYTES / 8 };

/**
 * The number of rows in a chunk of solve and apply. A larger chunk wastes work on its triangle; a smaller one spends it
 * on adding to the state Z.
 */
const CHUNK = 16;
/**
 * From this rank r on, the chunk's triangle costs little beside the products with Z, and a chunk may have more rows.
 */
const DEEP = 256;
const DEEP_CHUNK = 32;
/** With at most so many columns, the triangle costs much beside the products with Z, and a chunk has fewer rows. */
const NARROW = 16;
const NARROW_CHUNK = 8;
/**
 * The most rows a chunk may have. Its rows are summed in blocks of 8, and with more than four such blocks the rounding
 * errors of adding them up would show.
 */
export const MAX_CHUNK = 32;
/**
 * The most rows of a chunk in which every channel decays by a factor of its own: the chunk's couplings are then running
 * products of up to as many factors, each of which is rounded.
 */
export const MAX_PRODUCTS = 16;
/** So many bytes of states Z are taken to stay in the second-level cache. */
const Z_BYTES = 262144;
/**
 * The number of rows in an outer block of the inverse, a multiple of INNER_ROWS. The larger number serves matrices of LARGE_N
 * rows or more, where many rows follow each block.
 */
const OUTER = 256;
const LARGE_OUTER = 512;
const LARGE_N = 4096;
const MAX_OUTER = 4096;
/** A thread is woken for no fewer floating-point operations than these, which take about 50 µs. */
export const FLOPS_WORTH_A_THREAD = 2e6;

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

function fastest(r: number, p: number): number {
  if (p <= NARROW) return NARROW_CHUNK;
  return r < DEEP ? CHUNK : DEEP_CHUNK;
}

/**
 * The number of rows in a chunk of solve and apply. Where r = 0 it is 1: then no sum runs over the rows of a chunk,
 * which matters because 0 · ∞ is not 0.
 */
export function sweepChunk(r: number, p: number, decay: Decay, chunk: number = fastest(r, p)): number {
  if (r === 0) return 1;
  return Math.min(chunk, decay === Decay.channel || decay === Decay.columns ? MAX_PRODUCTS : MAX_CHUNK);
}

/**
 * The number of panels whose states Z stay in the second-level cache together. A wider right-hand side is solved for
 * one segment of so many panels at a time.
 */
function cachedPanels(r: number): number {
  return Math.max(8, Math.floor(Z_BYTES / (PANEL_BYTES * Math.max(1, r))));
}

/** Cuts the columns of each batch entry into the items that threads claim in solve and apply. */
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

/** The number of rows in an outer block of the inverse. */
export function inverseChunk(n: number, chunk: number = n < LARGE_N ? OUTER : LARGE_OUTER): number {
  return Math.min(Math.ceil(chunk / INNER_ROWS) * INNER_ROWS, MAX_OUTER);
}

/**
 * Into how many segments each batch entry is cut, so that `threads` share the work evenly. There are never more
 * segments than `parts`, the pieces that cannot be cut further.
 */
export function segmentsFor(threads: number, batch: number, parts: number, flops: number): number {
  if (threads === 1 || flops < FLOPS_WORTH_A_THREAD || batch >= 4 * threads) return 1;
  return Math.max(1, Math.min(parts, threads / divisor(threads, batch)));
}

/**
 * How many blocks or rows make one item where all the work is a single list: as many as give each thread about four
 * items.
 */
export function share(threads: number, count: number, flops: number): number {
  return threads === 1 || flops < FLOPS_WORTH_A_THREAD ? count : Math.ceil(count / (4 * threads));
}

/** The number of columns in a strip. */
const stripColumns: Readonly<Record<Dtype, number>> = { f32: STRIP_BYTES / 4, f64: STRIP_BYTES / 8 };

/**
 * Cuts the columns of each batch entry into items where solve, apply and deltaRule compute few rows one by one. Returns
 * undefined where there are more rows than that, or none.
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
