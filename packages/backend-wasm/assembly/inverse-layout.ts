import { Job, Operands } from "./job";
import { bytes, PANEL, panels, width } from "./lanes";
import { layOut, Sweep, sweepBytes, walk } from "./sweep";

/**
 * The number of rows of a chunk in the inner level. Ranges of columns begin at multiples of it. The host rounds outer blocks to the same
 * number, which the build takes from here.
 */
export const INNER: i32 = 16;

/** What the inverse needs for the columns [from, to) of one batch entry. All strides are in bytes. */
@unmanaged
export class Inverse {
  from!: i32;
  to!: i32;
  n!: i32;
  /** Row 0 of this batch entry of the output, and the bytes from a row to the next. */
  out!: usize;
  os!: usize;
  /** Two sweeps: that over Q_o, whose columns are channels, and that of the chunks of 16 rows, whose Z has the columns [from, to). */
  outer!: usize;
  inner!: usize;
  /** −W, [outer block, r]. */
  w!: usize;
  /** How a block changes Z, [r, r], and, for each row of Z, 1 where the row itself is added to that: [r]. mapBlock makes both. */
  map!: usize;
  base!: usize;
  /** What a block of rows adds to one panel of Z, [r, panel]. */
  fresh!: usize;
  /** T_cc and its inverse, 16×16 each, and K_cᵀ, [r, 16]. */
  tcc!: usize;
  block!: usize;
  kt!: usize;
  /** A row of zeros, of r elements rounded up to whole panels: the right-hand side where there is none. */
  zeros!: usize;
}

/** Returns the bytes of scratch that one item takes, for the widest segment. */
export function inverseBytes<T>(job: Job): f64 {
  const r = <f64>job.r;
  const records = <f64>(offsetof<Inverse>() + 2 * offsetof<Sweep>() + 16);
  const sweeps =
    sweepBytes<T>(job.r, INNER, job.r, job.decayKind) + sweepBytes<T>(job.r, INNER, job.n, job.decayKind);
  const elements = <f64>(2 * INNER * INNER) + (INNER + r + 1 + <f64>job.chunk) * r;
  return records + sweeps + (<f64>panels<T>(max(job.r, 1)) + r) * PANEL + elements * sizeof<T>();
}

/** Lays out the scratch: this record and those of two sweeps, then what each sweep lays out, then the other blocks. */
export function setUp<T>(inv: Inverse, job: Job, entry: i32, from: i32, to: i32): void {
  const n = job.n;
  const r = job.r;
  const scratch = changetype<usize>(inv);
  inv.from = from;
  inv.to = to;
  inv.n = n;
  inv.out = job.operand(Operands.out).entry(entry);
  inv.os = job.operand(Operands.out).row;
  inv.outer = scratch + offsetof<Inverse>();
  inv.inner = inv.outer + offsetof<Sweep>();
  const outer = changetype<Sweep>(inv.outer);
  const inner = changetype<Sweep>(inv.inner);
  let at = (inv.inner + offsetof<Sweep>() + 15) & -16;
  at = layOut<T>(outer, n, r, INNER, r, job.decayKind, at);
  at = layOut<T>(inner, n, r, INNER, to - from, job.decayKind, at);
  inv.zeros = at;
  const zeroBytes = panels<T>(max(r, 1)) * PANEL;
  memory.fill(at, 0, zeroBytes);
  inv.fresh = inv.zeros + zeroBytes;
  inv.tcc = inv.fresh + r * PANEL;
  inv.block = inv.tcc + bytes<T>(INNER * INNER);
  inv.kt = inv.block + bytes<T>(INNER * INNER);
  inv.map = inv.kt + r * bytes<T>(INNER);
  inv.base = inv.map + r * bytes<T>(r);
  inv.w = inv.base + bytes<T>(r);
  walk(outer, job, entry, false);
  walk(inner, job, entry, false);
}

/** Returns where element (i, j) of a sweep's state lies. */
export function stateAt<T>(sweep: Sweep, i: i32, j: i32): usize {
  return sweep.z + (j / width<T>()) * sweep.zs + i * PANEL + bytes<T>(j % width<T>());
}

/** Returns where Z of the panel of columns from j on lies. */
export function panelOf<T>(inv: Inverse, j: i32): usize {
  const sweep = changetype<Sweep>(inv.inner);
  return sweep.z + ((j - inv.from) / width<T>()) * sweep.zs;
}
