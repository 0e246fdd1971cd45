import { applyRows } from "./apply";
import { gram, pivots, transpose } from "./chunk";
import { align, bytes, PANEL, panels, width } from "./lanes";
import { copyRows, loadPanel, storePanel, touch } from "./panels";
import { divideRows, solveRows } from "./solve";
import { blockOf } from "./sums";
import { packTail, tailBytes, update } from "./update";

/**
 * The chunk recursion of solve and apply over some columns of one batch entry (reference README, equations (5)
 * and (6)): rows in the order they are visited, (F, G) = (Q, K) from the first or, transposed, (K, Q) from the
 * last with negative strides, so that one body serves both. Strides in bytes.
 */
@unmanaged
export class Sweep {
  n!: i32;
  r!: i32;
  /** r, or 1 where r = 0: one zero row of F_cᵀ and Z then, so that no loop is empty */
  depth!: i32;
  /** terms over the rank in a block (sums.ts) */
  block!: i32;
  chunk!: i32;
  cols!: i32;
  f!: usize;
  g!: usize;
  /** from a row of F or G to the next visited */
  fs!: usize;
  diag!: usize;
  ds!: usize;
  /** B, or X */
  b!: usize;
  bs!: usize;
  out!: usize;
  os!: usize;
  alpha!: f64;
  /** F_cᵀ and under it Sᵀ, [depth + chunk, ts] */
  ft!: usize;
  ts!: usize;
  /** the last columns of G_c (packTail) */
  gTail!: usize;
  /** 1/λ, or λ, of the chunk */
  pivot!: usize;
  /** the chunk's rows of B and Y where the last panel is a partial one, [chunk, panel] */
  tail!: usize;
  /** the sums of a tile of four rows, and those of the blocks of its present group (sumTile): 2 × [4, panel] */
  sum!: usize;
  /** Z, under it the chunk's Y (or X), and what Z has lost (update): panels of [depth + chunk + depth, panel] */
  z!: usize;
  zs!: usize;
}

/** What layOut lays out. */
export function sweepBytes<T>(r: i32, chunk: i32, cols: i32): f64 {
  const c = <f64>align(chunk, width<T>());
  const depth = <f64>max(r, 1);
  return (
    (depth + c + 1) * c * sizeof<T>() +
    tailBytes<T>(<i32>c) +
    (c + 8 + <f64>panels<T>(cols) * (depth + c + depth)) * PANEL
  );
}

/** Lays out the scratch of a sweep over `cols` columns from `at` on; returns its end. */
export function layOut<T>(sweep: Sweep, n: i32, r: i32, chunk: i32, cols: i32, at: usize): usize {
  const c = align(chunk, width<T>());
  const depth: usize = max(r, 1);
  sweep.n = n;
  sweep.r = r;
  sweep.depth = depth;
  sweep.block = blockOf(depth);
  sweep.chunk = chunk;
  sweep.cols = cols;
  sweep.ts = bytes<T>(c);
  sweep.zs = (depth + c + depth) * PANEL;
  sweep.ft = at;
  sweep.pivot = sweep.ft + (depth + c) * sweep.ts;
  sweep.gTail = sweep.pivot + sweep.ts;
  sweep.tail = sweep.gTail + <usize>tailBytes<T>(c);
  sweep.sum = sweep.tail + c * PANEL;
  sweep.z = sweep.sum + 8 * PANEL;
  if (r === 0) memory.fill(sweep.ft, 0, sweep.ts);
  return sweep.z + panels<T>(cols) * sweep.zs;
}

/** F_cᵀ, Sᵀ and the pivots of the chunk that starts at row l; returns whether rows must be divided by λ itself. */
export function openChunk<T>(sweep: Sweep, l: i32, rows: i32, reciprocal: bool): bool {
  const fs = sweep.fs;
  const f = sweep.f + l * fs;
  const g = sweep.g + l * fs;
  transpose<T>(f, fs, rows, sweep.r, sweep.ft, sweep.ts);
  gram<T>(g, fs, rows, sweep.ft, sweep.r, sweep.ts, sweep.ft + sweep.depth * sweep.ts);
  packTail<T>(g, fs, rows, sweep.r, sweep.gTail);
  if (!sweep.diag) return false;
  return pivots<T>(sweep.diag + l * sweep.ds, sweep.ds, rows, sweep.pivot, reciprocal);
}

/** A chunk's rows of F, in bytes, up to which the next chunk's are touched little by little. */
const PAGE: i32 = 4096;

/**
 * Rows of the next chunk to touch for every panel. The processor fetches ahead what is read in one long run, but not
 * a few lines here and there: those wait less if they are spread over the panels (6 % at r = p = 64, 14 % at 32, in f32).
 */
function touchStep<T>(sweep: Sweep): i32 {
  if (sweep.chunk * sweep.r * sizeof<T>() > PAGE) return sweep.chunk;
  const count = max(1, panels<T>(sweep.cols));
  return (sweep.chunk + count - 1) / count;
}

/** Touches `rows` rows of F, G and B from row l on, those there are. */
function touchRows<T>(sweep: Sweep, l: i32, rows: i32): void {
  rows = min(rows, sweep.n - l);
  touch(sweep.f + l * sweep.fs, sweep.fs, rows, bytes<T>(sweep.r));
  touch(sweep.g + l * sweep.fs, sweep.fs, rows, bytes<T>(sweep.r));
  touch(sweep.b + l * sweep.bs, sweep.bs, rows, bytes<T>(sweep.cols));
}

/** One panel of the chunk that starts at row l: Y = T_cc⁻¹ (B − F_c Z), αY to `out`, Z += G_cᵀ Y. */
export function solvePanel<T>(
  sweep: Sweep,
  l: i32,
  rows: i32,
  divide: bool,
  z: usize,
  b: usize,
  bs: usize,
  out: usize,
  os: usize,
  alpha: T,
): void {
  const r = sweep.depth;
  const ds = sweep.ds;
  if (divide) {
    divideRows<T>(
      rows,
      sweep.ft,
      sweep.ts,
      r,
      sweep.block,
      z,
      sweep.diag + l * ds,
      ds,
      sweep.sum,
      b,
      bs,
      out,
      os,
      alpha,
    );
  } else {
    solveRows<T>(rows, sweep.ft, sweep.ts, r, sweep.block, z, sweep.pivot, sweep.sum, b, bs, out, os, alpha);
  }
  addRows<T>(sweep, l, rows, z);
}

/** Z += G_cᵀ Y, or G_cᵀ X, for the chunk that starts at row l and what lies under Z. */
function addRows<T>(sweep: Sweep, l: i32, rows: i32, z: usize): void {
  const fs = sweep.fs;
  const under = sweep.depth * PANEL;
  update<T>(z, z + sweep.zs - under, sweep.g + l * fs, fs, sweep.r, sweep.gTail, z + under, rows);
}

export function sweepSolve<T>(sweep: Sweep): void {
  const bs = sweep.bs;
  const os = sweep.os;
  const alpha = <T>sweep.alpha;
  const step = touchStep<T>(sweep);
  for (let l = 0; l < sweep.n; l += sweep.chunk) {
    const rows = min(sweep.chunk, sweep.n - l);
    const divide = openChunk<T>(sweep, l, rows, true);
    let b = sweep.b + l * bs;
    let out = sweep.out + l * os;
    let z = sweep.z;
    let ahead = l + rows;
    const end = ahead + sweep.chunk;
    for (let cols = sweep.cols; cols > 0; cols -= width<T>()) {
      if (ahead < end) touchRows<T>(sweep, ahead, step);
      ahead += step;
      const whole = cols >= width<T>();
      if (!whole) loadPanel<T>(b, bs, rows, cols, sweep.tail);
      const from = whole ? b : sweep.tail;
      const to = whole ? out : sweep.tail;
      const froms = whole ? bs : PANEL;
      const tos = whole ? os : PANEL;
      solvePanel<T>(sweep, l, rows, divide, z, from, froms, to, tos, alpha);
      if (!whole) storePanel<T>(sweep.tail, rows, cols, out, os);
      z += sweep.zs;
      b += PANEL;
      out += PANEL;
    }
  }
}

export function sweepApply<T>(sweep: Sweep): void {
  const bs = sweep.bs;
  const os = sweep.os;
  const alpha = <T>sweep.alpha;
  const step = touchStep<T>(sweep);
  const under = sweep.depth * PANEL;
  for (let l = 0; l < sweep.n; l += sweep.chunk) {
    const rows = min(sweep.chunk, sweep.n - l);
    openChunk<T>(sweep, l, rows, false);
    const pivot = sweep.diag ? sweep.pivot : 0;
    let x = sweep.b + l * bs;
    let out = sweep.out + l * os;
    let z = sweep.z;
    let ahead = l + rows;
    const end = ahead + sweep.chunk;
    for (let cols = sweep.cols; cols > 0; cols -= width<T>()) {
      if (ahead < end) touchRows<T>(sweep, ahead, step);
      ahead += step;
      const whole = cols >= width<T>();
      if (whole) copyRows(x, bs, rows, z + under);
      else loadPanel<T>(x, bs, rows, cols, z + under);
      const to = whole ? out : sweep.tail;
      const tos = whole ? os : PANEL;
      applyRows<T>(rows, sweep.ft, sweep.ts, sweep.depth, sweep.block, z, pivot, sweep.sum, to, tos, alpha);
      if (!whole) storePanel<T>(sweep.tail, rows, cols, out, os);
      addRows<T>(sweep, l, rows, z);
      z += sweep.zs;
      x += PANEL;
      out += PANEL;
    }
  }
}
