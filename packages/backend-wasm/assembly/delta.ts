import { keptOf } from "./delta-kept";
import { Decay, Job, Operands } from "./job";
import { align, bytes, PANEL, panels } from "./lanes";
import { rankStride } from "./decay-layout";
import { blockOf } from "./sums";
import { tailBytes } from "./update";

// The scratch of the fused delta rule (reference README, equations (28) and (29)). One thread's scratch, in the order in which it is laid
// out; c is the chunk rounded up to a multiple of four rows, a row of r elements takes rs bytes:
//
//   Delta           this file's record
//   k, p, q         [c, rs] each: the chunk's rows of K, P and Q. P has no rows of its own where it is K
//   erase           [c]
//   f               c/4 tiles, of which a drawing is below
//   gTail           the last r mod 4 columns of the rows that are added to Z, and two tiles of scratch
//   sum             two tiles [4, panel]
//   tail            [c, panel], only for a last panel with fewer columns
//   decayed         what the kind of decay needs: decay-scratch.ts and delta-decay-rows.ts
//   own             [c, rs], only where there are erase keys of their own and their gate is not folded
//   Head            one record for each batch entry of the item
//   panels          of each batch entry: Z [depth, panel], U [c, panel], what Z has lost [depth, panel]
//
// One tile of f belongs to four rows v of the chunk. Its rows have eight elements, four for P and four for Q:
//
//            p_v p_v+1 p_v+2 p_v+3 │ q_v q_v+1 q_v+2 q_v+3
//   depth    P̃ᵀ, transposed        │ Q̃ᵀ                       met by Z
//   c        S_vw for w = 0, 1, …  │ M_vw                      met by U, which lies under Z
//
// So P̃ Z + S U is one sum of one pointer into f and one into the panel, as is Q̃ Z + M U, and both come from one Gram product.

/**
 * The bytes of one vector of channels in a tile of a chunk in which every channel decays by itself: for each of four rows the factor,
 * P and Q.
 */
export const CHANNEL_TILE: usize = 192;

/** Where row 0 of one batch entry lies in each operand of deltaRule, and where its panels lie. */
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
  /** The panels of Z, U and what Z has lost. */
  z!: usize;
  /**
   * Only in deltaRuleVjp: the panels of Z̄, the records of a segment's chunks, and the states where segments start (delta-back.ts).
   */
  back!: usize;
  record!: usize;
  start!: usize;
  /** What deltaRule keeps for deltaRuleVjp (delta-kept.ts). It is 0 where nothing is kept. */
  kept!: usize;
}

/**
 * What deltaRule needs for some columns of some batch entries. The entries go through the rows side by side, because in an array
 * [B, T, H·D] the rows of its heads are neighbours. All strides are in bytes. The rows of a chunk are staged once, because all its
 * panels share them; they have zeros from column r on, and rows of zeros up to a multiple of four.
 */
@unmanaged
export class Delta {
  n!: i32;
  r!: i32;
  /** It is r, or 1 where r = 0, so that no loop is empty. */
  depth!: i32;
  /** How many terms of a sum over the rank are added one after the other (blockOf). */
  block!: i32;
  chunk!: i32;
  cols!: i32;
  decay!: Decay;
  eraseWidth!: i32;
  writeWidth!: i32;
  /**
   * Tells whether the erase gate, of one column, multiplies what a row reads, and not the row of P. Then P is K itself, or the erase
   * keys' own rows.
   */
  folded!: bool;
  /**
   * Tells whether there are erase keys of their own. Then P reads before its row decays, so that its row v has the factors that row
   * v − 1 of Q has.
   */
  early!: bool;
  eps!: f64;
  scale!: f64;
  qs!: usize;
  ks!: usize;
  vs!: usize;
  es!: usize;
  /** The stride of erase keys of their own. */
  eks!: usize;
  ws!: usize;
  ps!: usize;
  os!: usize;
  rs!: usize;
  k!: usize;
  p!: usize;
  q!: usize;
  /** The rows that P is before its gate: K, or the erase keys' own rows. */
  own!: usize;
  /** The factor of what each row reads of Z and of U: e where the gate is folded, and otherwise 1, because P has it. */
  erase!: usize;
  /** The tiles of f, `tiles` bytes apart, with rows `fs` bytes apart. */
  f!: usize;
  fs!: usize;
  tiles!: usize;
  /** The last columns of the rows that the chunk adds to Z, as packTail leaves them. */
  gTail!: usize;
  /** Where the sums of four rows are gathered: two tiles [4, panel]. */
  sum!: usize;
  /** The chunk's rows of the output where the last panel has fewer columns than a whole one: [chunk, panel]. */
  tail!: usize;
  /** K∘dn [chunk, rs], the pair of every channel [2, rs], and then what the kind of decay needs beside, as in decay-scratch.ts. */
  decayed!: usize;
  /** The bytes from a panel of Z, with its U and what it has lost, to the next. */
  zs!: usize;
}

/** Returns the bytes at `decayed`. */
function decayedBytes<T>(decay: Decay, r: i32, c: i32): f64 {
  const row = <f64>rankStride<T>(r);
  if (decay == Decay.none) return 0;
  const shared = (<f64>c + 2) * row;
  if (decay == Decay.row) return shared + 4 * (<f64>bytes<T>(c) + 32) + 16;
  return shared + (<f64>c / 4) * (row / 16) * <f64>CHANNEL_TILE + 128;
}

/** Returns the bytes of a panel of Z with its U and what it has lost. */
function panelBytes(r: i32, c: i32): f64 {
  return <f64>PANEL * (2 * <f64>max(r, 1) + <f64>c);
}

/** Tells whether the call has erase keys of their own. */
function early(job: Job): bool {
  return job.operand(Operands.eraseKey).start != 0;
}

/** Returns the bytes of scratch for `group` batch entries of `cols` columns: what layOutDelta lays out, and the entries themselves. */
export function deltaBytes<T>(job: Job, group: i32, cols: i32): f64 {
  const c = align(job.chunk, 4);
  const r = job.r;
  const row = <f64>rankStride<T>(r);
  const tiles = <f64>(c / 4) * (<f64>max(r, 1) + <f64>c) * 8 * sizeof<T>();
  const heads = <f64>group * (<f64>panels<T>(cols) * panelBytes(r, c) + offsetof<Head>());
  // Erase keys of their own may need rows beside those of P.
  const own = early(job) ? <f64>c * row : 0;
  const staged = own + 3 * <f64>c * row + <f64>bytes<T>(c) + tailBytes<T>(c) + (<f64>c + 8) * PANEL;
  return offsetof<Delta>() + 64 + staged + tiles + decayedBytes<T>(job.decayKind, r, c) + heads;
}

/** Lays out the scratch after `delta` for `cols` columns. Returns where that of the batch entries begins. */
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

/** Notes where the rows of batch entry `e` begin, for the columns from byte `column` of a row on. */
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
