import { decayBytes } from "./decay-layout";
import { Decay, Job, Operands } from "./job";
import { align, bytes, PANEL, panels, width } from "./lanes";
import { blockOf } from "./sums";
import { tailBytes } from "./update";

/**
 * The walk of solve and apply over some columns of one batch entry (reference README, equations (5) and (6)). Rows are taken in the
 * order in which they are visited: for T (F, G) is (Q, K) from the first row on; for Tᵀ it is (K, Q) from the last row on, with
 * negative strides, so that one body serves both. All strides are in bytes.
 *
 * The scratch of one thread, in the order in which `layOut` lays it out (c is the chunk, rounded up to whole panels):
 *
 *   ft      F_cᵀ [depth, c] and under it Sᵀ [c, c]
 *   pivot   [c]
 *   gTail   the last r mod 4 columns of the rows that are added to Z, and two tiles of scratch
 *   tail    [c, panel], only for a last panel with fewer columns
 *   sum     two tiles [4, panel]
 *   z       for every panel: Z [depth, panel], the chunk's Y or X [c, panel], what Z has lost [depth, panel]
 *   decayed what the kind of decay needs (decay-layout.ts)
 *
 * F_cᵀ lies over Sᵀ and Z over Y so that F_c Z + S Y is one sum with two pointers that only go on.
 */
@unmanaged
export class Sweep {
  n!: i32;
  r!: i32;
  /** It is r, or 1 where r = 0: F_cᵀ and Z then have one row of zeros, so that no loop is empty. */
  depth!: i32;
  /** How many terms of a sum over the rank are added one after the other (blockOf). */
  block!: i32;
  chunk!: i32;
  cols!: i32;
  f!: usize;
  fs!: usize;
  g!: usize;
  gs!: usize;
  diag!: usize;
  ds!: usize;
  /** The right-hand side B of solve, or X of apply. */
  b!: usize;
  bs!: usize;
  out!: usize;
  os!: usize;
  alpha!: f64;
  /** F_cᵀ, each column scaled by what Z decays until that row reads it, and under it Sᵀ: [depth + chunk, ts]. */
  ft!: usize;
  ts!: usize;
  /** The last columns of the rows that the chunk adds to Z, as packTail leaves them. */
  gTail!: usize;
  /** 1/λ of the chunk's rows in solve and in the inverse, λ in apply. */
  pivot!: usize;
  /** The chunk's rows of B and Y where the last panel has fewer columns than a whole one: [chunk, panel]. */
  tail!: usize;
  /** Where the sums of four rows are gathered: two tiles [4, panel]. */
  sum!: usize;
  /** The panels, `zs` bytes apart: Z, the chunk's Y or X, and what the roundings of Z have lost (update.ts). */
  z!: usize;
  zs!: usize;
  decay!: Decay;
  /** Tells whether the state decays by g_i after row i is visited, as it does for Tᵀ, and not before. */
  gapAfter!: bool;
  /** The gaps of the row that is visited first; those of the next row lie `ps` bytes after them. */
  gap!: usize;
  ps!: usize;
  /** Here lies what the kind of decay needs: decay-scratch.ts. */
  decayed!: usize;
}

/** Returns the bytes that layOut lays out. */
export function sweepBytes<T>(r: i32, chunk: i32, cols: i32, decay: Decay): f64 {
  const c = <f64>align(chunk, width<T>());
  const depth = <f64>max(r, 1);
  return (
    (depth + c + 1) * c * sizeof<T>() +
    tailBytes<T>(<i32>c) +
    (c + 8 + <f64>panels<T>(cols) * (depth + c + depth)) * PANEL +
    decayBytes<T>(decay, r, <i32>c)
  );
}

/** Lays out the scratch of a sweep over `cols` columns, from `at` on, a multiple of 16. Returns its end. */
export function layOut<T>(
  sweep: Sweep,
  n: i32,
  r: i32,
  chunk: i32,
  cols: i32,
  decay: Decay,
  at: usize,
): usize {
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
  sweep.decay = decay;
  sweep.decayed = sweep.z + panels<T>(cols) * sweep.zs;
  if (r === 0) memory.fill(sweep.ft, 0, sweep.ts);
  return sweep.decayed + <usize>decayBytes<T>(decay, r, c);
}

/** Sets the operator's rows in the order in which they are visited. */
export function walk(sweep: Sweep, job: Job, entry: i32, trans: bool): void {
  const f = job.operand(trans ? Operands.k : Operands.q);
  const g = job.operand(trans ? Operands.q : Operands.k);
  const diag = job.operand(Operands.diag);
  const decay = job.operand(Operands.decay);
  const last: usize = trans ? job.n - 1 : 0;
  sweep.f = f.entry(entry) + last * f.row;
  sweep.fs = trans ? 0 - f.row : f.row;
  sweep.g = g.entry(entry) + last * g.row;
  sweep.gs = trans ? 0 - g.row : g.row;
  sweep.diag = diag.start ? diag.entry(entry) + last * diag.row : 0;
  sweep.ds = trans ? 0 - diag.row : diag.row;
  sweep.gapAfter = trans;
  if (job.decayKind == Decay.none) return;
  sweep.gap = decay.entry(entry) + last * decay.row;
  sweep.ps = trans ? 0 - decay.row : decay.row;
}
