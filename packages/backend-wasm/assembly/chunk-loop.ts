import { applyRows } from "./apply";
import { pairs, decayedRows } from "./decay-scratch";
import { applyDecaying } from "./decay-columns";
import { rankStride } from "./decay-layout";
import { Decay } from "./job";
import { PANEL, width } from "./lanes";
import { decaysByRank, openChunk, touchRows, touchStep } from "./open-chunk";
import { copyRows, loadPanel, storePanel } from "./panels";
import { divideRows, solveRows } from "./solve";
import { Sweep } from "./sweep";
import { updateDecaying } from "./update";

/**
 * Solves one panel of the chunk that starts at row l: Y = T_cc⁻¹ (B − F_c Z), with αY written to `out`, and then adds
 * the chunk to the state, Z ← Z + G_cᵀ Y.
 */
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

/**
 * Updates the state, Z ← diag(A) Z + G_cᵀ V, for the chunk that starts at row l. V is what lies under Z: Y in solve, X
 * in apply.
 */
function addRows<T>(sweep: Sweep, l: i32, rows: i32, z: usize): void {
  const under = sweep.depth * PANEL;
  const lost = z + sweep.zs - under;
  const r = sweep.r;
  if (decaysByRank(sweep)) {
    const g = decayedRows(sweep);
    const gs = rankStride<T>(r);
    const s = pairs<T>(sweep);
    updateDecaying<T>(sweep.decay, z, lost, g, gs, r, sweep.gTail, z + under, rows, s, sweep.sum);
    return;
  }
  const g = sweep.g + l * sweep.gs;
  updateDecaying<T>(Decay.none, z, lost, g, sweep.gs, r, sweep.gTail, z + under, rows, 0, 0);
}

/** Solves T Y = B for all chunks and panels of a sweep, one chunk after the other (reference README, equation (6)). */
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

/** Computes Y = T X for all chunks and panels of a sweep, one chunk after the other (reference README, equation (5)). */
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
      if (sweep.decay == Decay.columns) {
        const gap = sweep.gap + l * sweep.ps + (x - (sweep.b + l * bs));
        applyDecaying<T>(sweep, rows, gap, min(cols, width<T>()), z, pivot, to, tos, alpha);
      } else
        applyRows<T>(rows, sweep.ft, sweep.ts, sweep.depth, sweep.block, z, pivot, sweep.sum, to, tos, alpha);
      if (!whole) storePanel<T>(sweep.tail, rows, cols, out, os);
      addRows<T>(sweep, l, rows, z);
      z += sweep.zs;
      x += PANEL;
      out += PANEL;
    }
  }
}
