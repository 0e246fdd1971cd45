import { applyRows } from "./apply";
import { gram, pivots, transpose } from "./chunk";
import { bytes, PANEL, width } from "./lanes";
import { copyRows, loadPanel, storePanel, touch } from "./panels";
import { product } from "./product";
import { divideRows, solveRows } from "./solve";

/**
 * The chunk recursion of solve and apply over some columns of one batch entry (reference README, equations (5)
 * and (6)): rows in the order they are visited, (F, G) = (Q, K) from the first or, transposed, (K, Q) from the
 * last with negative strides, so that one body serves both. Strides in bytes.
 */
@unmanaged
export class Sweep {
  n!: i32;
  r!: i32;
  /** r rounded up to a multiple of 4: rows of Z and GT, the added ones zero */
  r4!: i32;
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
  /** G_cᵀ, [r4, gs] */
  gt!: usize;
  gs!: usize;
  /** F_c G_cᵀ, [chunk, gs] */
  s!: usize;
  /** 1/λ, or λ, of the chunk */
  pivot!: usize;
  /** of the chunk, [chunk, panel] each: Y (or X), and the last panel where it is a partial one */
  y!: usize;
  tail!: usize;
  /** Z, panels of [r4, panel] */
  z!: usize;
  zs!: usize;
}

/** What layOut lays out. */
export function sweepBytes<T>(r: i32, chunk: i32, cols: i32): f64 {
  const c = <f64>((chunk + width<T>() - 1) & -width<T>());
  const r4 = <f64>((r + 3) & -4);
  const panels = <f64>((cols + width<T>() - 1) / width<T>());
  return (r4 * c + c * c + c) * sizeof<T>() + 2 * c * PANEL + panels * r4 * PANEL;
}

/** Lays out the scratch of a sweep over `cols` columns from `at` on; returns its end. */
export function layOut<T>(sweep: Sweep, n: i32, r: i32, chunk: i32, cols: i32, at: usize): usize {
  const c = (chunk + width<T>() - 1) & -width<T>();
  sweep.n = n;
  sweep.r = r;
  sweep.r4 = (r + 3) & -4;
  sweep.chunk = chunk;
  sweep.cols = cols;
  sweep.gs = bytes<T>(c);
  sweep.zs = sweep.r4 * PANEL;
  sweep.gt = at;
  sweep.s = sweep.gt + sweep.r4 * sweep.gs;
  sweep.pivot = sweep.s + c * sweep.gs;
  sweep.y = sweep.pivot + sweep.gs;
  sweep.tail = sweep.y + c * PANEL;
  sweep.z = sweep.tail + c * PANEL;
  memory.fill(sweep.gt + r * sweep.gs, 0, (sweep.r4 - r) * sweep.gs);
  return sweep.z + ((cols + width<T>() - 1) / width<T>()) * sweep.zs;
}

/** G_cᵀ, S and the pivots of the chunk that starts at row l; returns whether rows must be divided by λ itself. */
export function openChunk<T>(sweep: Sweep, l: i32, rows: i32, reciprocal: bool): bool {
  const fs = sweep.fs;
  const f = sweep.f + l * fs;
  const g = sweep.g + l * fs;
  transpose<T>(g, fs, rows, sweep.r, sweep.gt, sweep.gs);
  gram<T>(f, fs, rows, sweep.r, sweep.gt, sweep.gs, sweep.s);
  const next = min(sweep.chunk, sweep.n - l - rows);
  touch(f + rows * fs, fs, next, bytes<T>(sweep.r));
  touch(g + rows * fs, fs, next, bytes<T>(sweep.r));
  if (!sweep.diag) return false;
  return pivots<T>(sweep.diag + l * sweep.ds, sweep.ds, rows, sweep.pivot, reciprocal);
}

export function sweepSolve<T>(sweep: Sweep): void {
  const fs = sweep.fs;
  const bs = sweep.bs;
  const os = sweep.os;
  const alpha = <T>sweep.alpha;
  for (let l = 0; l < sweep.n; l += sweep.chunk) {
    const rows = min(sweep.chunk, sweep.n - l);
    const divide = openChunk<T>(sweep, l, rows, true);
    const f = sweep.f + l * fs;
    touch(sweep.b + (l + rows) * bs, bs, min(sweep.chunk, sweep.n - l - rows), bytes<T>(sweep.cols));
    let b = sweep.b + l * bs;
    let out = sweep.out + l * os;
    const diag = sweep.diag + l * sweep.ds;
    let z = sweep.z;
    for (let cols = sweep.cols; cols > 0; cols -= width<T>()) {
      const whole = cols >= width<T>();
      if (!whole) loadPanel<T>(b, bs, rows, cols, sweep.tail);
      const from = whole ? b : sweep.tail;
      const to = whole ? out : sweep.tail;
      const fromStride = whole ? bs : PANEL;
      const toStride = whole ? os : PANEL;
      if (divide) {
        divideRows<T>(
          rows,
          f,
          fs,
          z,
          sweep.r,
          sweep.s,
          sweep.gs,
          diag,
          sweep.ds,
          sweep.y,
          from,
          fromStride,
          to,
          toStride,
          alpha,
        );
      } else {
        solveRows<T>(
          rows,
          f,
          fs,
          z,
          sweep.r,
          sweep.s,
          sweep.gs,
          sweep.pivot,
          sweep.y,
          from,
          fromStride,
          to,
          toStride,
          alpha,
        );
      }
      if (!whole) storePanel<T>(sweep.tail, rows, cols, out, os);
      product<T>(z, sweep.gt, sweep.gs, sweep.r4, sweep.y, PANEL, rows, z, PANEL);
      z += sweep.zs;
      b += PANEL;
      out += PANEL;
    }
  }
}

export function sweepApply<T>(sweep: Sweep): void {
  const fs = sweep.fs;
  const bs = sweep.bs;
  const os = sweep.os;
  const alpha = <T>sweep.alpha;
  for (let l = 0; l < sweep.n; l += sweep.chunk) {
    const rows = min(sweep.chunk, sweep.n - l);
    openChunk<T>(sweep, l, rows, false);
    const f = sweep.f + l * fs;
    const pivot = sweep.diag ? sweep.pivot : 0;
    let x = sweep.b + l * bs;
    let out = sweep.out + l * os;
    let z = sweep.z;
    for (let cols = sweep.cols; cols > 0; cols -= width<T>()) {
      const whole = cols >= width<T>();
      if (whole) copyRows(x, bs, rows, sweep.y);
      else loadPanel<T>(x, bs, rows, cols, sweep.y);
      const to = whole ? out : sweep.tail;
      const toStride = whole ? os : PANEL;
      applyRows<T>(rows, f, fs, z, sweep.r, sweep.s, sweep.gs, pivot, sweep.y, to, toStride, alpha);
      if (!whole) storePanel<T>(sweep.tail, rows, cols, out, os);
      product<T>(z, sweep.gt, sweep.gs, sweep.r4, sweep.y, PANEL, rows, z, PANEL);
      z += sweep.zs;
      x += PANEL;
      out += PANEL;
    }
  }
}
