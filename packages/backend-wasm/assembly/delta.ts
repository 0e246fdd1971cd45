import { keptOf } from "./delta-kept";
import { Decay, Job, Operands } from "./job";
import { align, bytes, PANEL, panels } from "./lanes";
import { rankStride } from "./decay-layout";
import { blockOf } from "./sums";
import { tailBytes } from "./update";

/** Bytes of the tiles of a chunk every channel of which decays by itself: four rows, b, p and q for every vector of channels. */
export const CHANNEL_TILE: usize = 192;

/** Where row 0 of a batch entry lies in each operand of deltaRule, and its state. */
@unmanaged
export class Head {
  q!: usize;
  k!: usize;
  v!: usize;
  erase!: usize;
  eraseKey!: usize;
  write!: usize;
  gap!: usize;
  out!: usize;
  /** its panels of Z */
  z!: usize;
  /** in deltaRuleVjp: its panels of Z̄, what is kept of a segment's chunks, and of each segment's start (delta-back.ts) */
  back!: usize;
  record!: usize;
  start!: usize;
  /** what is kept from deltaRule to deltaRuleVjp (delta-kept.ts), or 0 */
  kept!: usize;
}

/**
 * What deltaRule needs for some columns of some batch entries, which go through the rows side by side: in [B, T, H·D] the heads'
 * rows are neighbours. Strides in bytes. The chunk's operands are staged, as they are shared by its panels:
 *
 *   k, p, q  [chunk, rs]: rows of K, of P and of Q, zeros from column r on and from the last row on to a multiple of 4
 *   f        for every four rows v: P and Q, scaled by what Z decays until each row reads it, transposed and side by side,
 *            [depth, 4 | 4], and under them the couplings S_vw and M_vw of the rows w up to the last of the four
 */
@unmanaged
export class Delta {
  n!: i32;
  r!: i32;
  /** r, at least 1 */
  depth!: i32;
  /** terms over the rank that are added in a row */
  block!: i32;
  chunk!: i32;
  cols!: i32;
  decay!: Decay;
  eraseWidth!: i32;
  writeWidth!: i32;
  /** Whether the one erase gate of a row multiplies what is read, instead of P: then P is K, or the erase key's own rows. */
  folded!: bool;
  /** Whether these are there: P then reads before its row decays, so that its row v has the factors that row v − 1 of Q has. */
  early!: bool;
  eps!: f64;
  scale!: f64;
  qs!: usize;
  ks!: usize;
  vs!: usize;
  es!: usize;
  /** of erase keys of their own */
  eks!: usize;
  ws!: usize;
  ps!: usize;
  os!: usize;
  rs!: usize;
  k!: usize;
  p!: usize;
  q!: usize;
  /** what P is before its gate: K, or the erase key's own rows [chunk, rs] */
  own!: usize;
  /** the factor of each row's reading of Z and of the chunk: e, or 1 where P has it */
  erase!: usize;
  f!: usize;
  fs!: usize;
  /** from four rows' part of f to the next */
  tiles!: usize;
  /** the last columns of the rows that the chunk adds to Z (packTail) */
  gTail!: usize;
  /** sums of four rows being made, 2 × [4, panel] */
  sum!: usize;
  /** the chunk's rows of the output where the last panel is a partial one, [chunk, panel] */
  tail!: usize;
  /** K∘dn, [chunk, rs], the pair of every channel, 2 × [rs], and scratch: as decay.ts has them */
  decayed!: usize;
  /** from one panel's [Z, U, what Z has lost], [depth + chunk + depth, panel], to the next */
  zs!: usize;
}

function decayedBytes<T>(decay: Decay, r: i32, c: i32): f64 {
  const row = <f64>rankStride<T>(r);
  if (decay == Decay.none) return 0;
  const shared = (<f64>c + 2) * row;
  if (decay == Decay.row) return shared + 4 * (<f64>bytes<T>(c) + 32) + 16;
  return shared + (<f64>c / 4) * (row / 16) * <f64>CHANNEL_TILE + 128;
}

function panelBytes(r: i32, c: i32): f64 {
  return <f64>PANEL * (2 * <f64>max(r, 1) + <f64>c);
}

/** Whether the call has erase keys of its own. */
function early(job: Job): bool {
  return job.operand(Operands.eraseKey).start != 0;
}

/** What layOutDelta lays out for `group` batch entries of so many columns, and those. */
export function deltaBytes<T>(job: Job, group: i32, cols: i32): f64 {
  const c = align(job.chunk, 4);
  const r = job.r;
  const row = <f64>rankStride<T>(r);
  const tiles = <f64>(c / 4) * (<f64>max(r, 1) + <f64>c) * 8 * sizeof<T>();
  const heads = <f64>group * (<f64>panels<T>(cols) * panelBytes(r, c) + offsetof<Head>());
  // what P is before its gate
  const own = early(job) ? <f64>c * row : 0;
  const staged = own + 3 * <f64>c * row + <f64>bytes<T>(c) + tailBytes<T>(c) + (<f64>c + 8) * PANEL;
  return offsetof<Delta>() + 64 + staged + tiles + decayedBytes<T>(job.decayKind, r, c) + heads;
}

/** Lays out the scratch after `delta` for so many columns; returns where that of the batch entries begins. */
export function layOutDelta<T>(delta: Delta, job: Job, cols: i32, folded: bool): usize {
  const c = align(job.chunk, 4);
  const r = job.r;
  const depth = max(r, 1);
  delta.n = job.n;
  delta.r = r;
  delta.depth = depth;
  delta.block = blockOf(depth);
  delta.chunk = job.chunk;
  delta.cols = cols;
  delta.decay = job.decayKind;
  delta.eraseWidth = job.eraseWidth;
  delta.writeWidth = job.writeWidth;
  delta.folded = folded;
  delta.early = early(job);
  delta.eps = job.eps;
  delta.scale = job.alpha;
  delta.rs = rankStride<T>(r);
  delta.fs = 8 * sizeof<T>();
  delta.tiles = (depth + c) * delta.fs;
  delta.zs = <usize>panelBytes(r, c);
  delta.k = (changetype<usize>(delta) + offsetof<Delta>() + 15) & -16;
  delta.p = delta.k + c * delta.rs;
  delta.q = delta.p + c * delta.rs;
  if (folded && !delta.early) delta.p = delta.k;
  delta.erase = delta.q + c * delta.rs;
  delta.f = delta.erase + bytes<T>(c);
  delta.gTail = delta.f + (c / 4) * delta.tiles;
  delta.sum = delta.gTail + <usize>tailBytes<T>(c);
  delta.tail = delta.sum + 8 * PANEL;
  delta.decayed = delta.tail + c * PANEL;
  delta.qs = job.operand(Operands.q).row;
  delta.ks = job.operand(Operands.k).row;
  delta.vs = job.operand(Operands.x).row;
  delta.es = job.operand(Operands.erase).row;
  delta.eks = job.operand(Operands.eraseKey).row;
  delta.ws = job.operand(Operands.write).row;
  delta.ps = job.operand(Operands.decay).row;
  delta.os = job.operand(Operands.out).row;
  const end = delta.decayed + <usize>decayedBytes<T>(job.decayKind, r, c);
  delta.own = delta.k;
  if (!delta.early) return end;
  delta.own = folded ? delta.p : end;
  return end + c * delta.rs;
}

export function headAt(heads: usize, i: i32): Head {
  return changetype<Head>(heads + i * offsetof<Head>());
}

/** Where the rows of batch entry `e` begin, for columns from `column` bytes on. */
export function placeHead(head: Head, job: Job, e: i32, column: usize, z: usize): void {
  head.q = job.operand(Operands.q).entry(e);
  head.k = job.operand(Operands.k).entry(e);
  head.v = job.operand(Operands.x).entry(e) + column;
  head.erase = job.operand(Operands.erase).entry(e);
  head.eraseKey = job.operand(Operands.eraseKey).entry(e);
  head.write = job.operand(Operands.write).entry(e) + (job.writeWidth > 1 ? column : 0);
  head.gap = job.operand(Operands.decay).entry(e);
  head.out = job.operand(Operands.out).entry(e) + column;
  head.kept = keptOf(job, e, column);
  head.z = z;
}
