import { decayBytes } from "./decay-layout";
import { Decay, Job, Operands } from "./job";
import { align, bytes, PANEL, panels, width } from "./lanes";
import { blockOf } from "./sums";
import { tailBytes } from "./update";

/**
 * The walk of solve and apply over some columns of one batch entry (reference README, equations (5) and (6)): rows in the
 * order they are visited, (F, G) = (Q, K) from the first or, transposed, (K, Q) from the last with the strides negated, so
 * that one body serves both. Strides in bytes.
 */
@unmanaged
export class Sweep {
  n!: i32;
  r!: i32;
  /** r, or 1 where r = 0: one zero row of F_cᵀ and Z then, so that no loop is empty */
  depth!: i32;
  /** terms over the rank that are added in a row */
  block!: i32;
  chunk!: i32;
  cols!: i32;
  f!: usize;
  fs!: usize;
  g!: usize;
  gs!: usize;
  diag!: usize;
  ds!: usize;
  /** B, or X */
  b!: usize;
  bs!: usize;
  out!: usize;
  os!: usize;
  alpha!: f64;
  /** F_cᵀ, scaled by what Z decays until each row reads it, and under it Sᵀ, [depth + chunk, ts] */
  ft!: usize;
  ts!: usize;
  /** the last columns of the rows that the chunk adds to Z (packTail) */
  gTail!: usize;
  /** 1/λ, or λ, of the chunk */
  pivot!: usize;
  /** the chunk's rows of B and Y where the last panel is a partial one, [chunk, panel] */
  tail!: usize;
  /** the sums of four rows being made, 2 × [4, panel] */
  sum!: usize;
  /** Z, under it the chunk's Y (or X), and what Z has lost (update): panels of [depth + chunk + depth, panel] */
  z!: usize;
  zs!: usize;
  decay!: Decay;
  /** Whether g_i comes after row i is visited: the walk of the transpose. */
  gapAfter!: bool;
  /** g of the first row visited, and from a row to the next */
  gap!: usize;
  ps!: usize;
  /** What lies there depends on the decay: decay.ts. */
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
