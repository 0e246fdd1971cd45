import { applyRows } from "./apply";
import { gram, pivots, transpose } from "./chunk";
import { pairs, rankStride, writeRows } from "./decay";
import { decayChannels } from "./decay-channels";
import { applyDecaying } from "./decay-columns";
import { decayRows } from "./decay-rows";
import { Decay } from "./job";
import { bytes, PANEL, panels, width } from "./lanes";
import { copyRows, loadPanel, storePanel, touch } from "./panels";
import { divideRows, solveRows } from "./solve";
import { Sweep } from "./sweep";
import { Apart, packTail, Plain, Together, updateState } from "./update";

/** F_cᵀ, Sᵀ and the pivots of the chunk that starts at row l; returns whether rows must be divided by λ itself. */
export function openChunk<T>(sweep: Sweep, l: i32, rows: i32, reciprocal: bool): bool {
  const g = sweep.g + l * sweep.gs;
  const r = sweep.r;
  if (sweep.decay == Decay.channel) decayChannels<T>(sweep, l, rows);
  else {
    transpose<T>(sweep.f + l * sweep.fs, sweep.fs, rows, r, sweep.ft, sweep.ts);
    gram<T>(g, sweep.gs, rows, sweep.ft, r, sweep.ts, sweep.ft + sweep.depth * sweep.ts);
    if (sweep.decay == Decay.row) decayRows<T>(sweep, l, rows);
  }
  if (decaysByRank(sweep)) packTail<T>(writeRows(sweep), rankStride<T>(r), rows, r, sweep.gTail);
  else packTail<T>(g, sweep.gs, rows, r, sweep.gTail);
  if (!sweep.diag) return false;
  return pivots<T>(sweep.diag + l * sweep.ds, sweep.ds, rows, sweep.pivot, reciprocal);
}

/** Whether rows of Z decay: then what is added to it are rows of a copy of G_c. */
function decaysByRank(sweep: Sweep): bool {
  return sweep.decay == Decay.row || sweep.decay == Decay.channel;
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
  touch(sweep.g + l * sweep.gs, sweep.gs, rows, bytes<T>(sweep.r));
  touch(sweep.b + l * sweep.bs, sweep.bs, rows, bytes<T>(sweep.cols));
  if (sweep.decay == Decay.channel) touch(sweep.gap + l * sweep.ps, sweep.ps, rows, bytes<T>(sweep.r));
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

/** Z ← diag(A) Z + G_cᵀ Y, or G_cᵀ X, for the chunk that starts at row l and what lies under Z. */
function addRows<T>(sweep: Sweep, l: i32, rows: i32, z: usize): void {
  const under = sweep.depth * PANEL;
  const lost = z + sweep.zs - under;
  const r = sweep.r;
  if (decaysByRank(sweep)) {
    const g = writeRows(sweep);
    const gs = rankStride<T>(r);
    const s = pairs<T>(sweep);
    if (sweep.decay == Decay.row)
      updateState<T, Together>(z, lost, g, gs, r, sweep.gTail, z + under, rows, s, s + gs);
    else updateState<T, Apart>(z, lost, g, gs, r, sweep.gTail, z + under, rows, s, s + gs);
    return;
  }
  updateState<T, Plain>(z, lost, sweep.g + l * sweep.gs, sweep.gs, r, sweep.gTail, z + under, rows, 0, 0);
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
