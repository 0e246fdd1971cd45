// What causalConv and its gradients stage, for some columns of one batch entry, in f64 whatever the dtype. Rows are filled up to whole blocks
// of columns, so that no loop has an end of its own for the last columns.
import { Job, Kernel, Operand, Operands } from "./job";
import { align, bytes } from "./lanes";
import { loadRow } from "./pairs";

/** The number of rows that are staged at a time. */
export const ROWS: i32 = 16;
/** The number of columns of a block. */
export const BLOCK: i32 = 8;

/** Says what is staged, and where. Rows are `stride` bytes apart. */
@unmanaged
export class Conv {
  taps!: i32;
  cols!: i32;
  silu!: bool;
  /** Whether there is an initial state. Without one the first rows meet fewer rows of X. */
  stateful!: bool;
  stride!: usize;
  /** The weights, `taps` rows. */
  weight!: usize;
  /** The bias, a row; zeros where there is none. */
  bias!: usize;
  /** A row of zeros. */
  none!: usize;
  /** The row that is being computed. */
  row!: usize;
  /** Rows of X, taps − 1 + ROWS of them: first those before the present ones, then these. */
  x!: usize;
  /** In the gradients, the same rows of the cotangents of what the activation takes. */
  bar!: usize;
  /**
   * In the gradients, a sum for every tap and one for the bias, 2 `stride` bytes apart. Every vector of a sum is followed by what that
   * has lost to roundings.
   */
  sums!: usize;
}

/** Returns the bytes that `layOutConv` divides. */
export function convBytes(job: Job): f64 {
  const taps = <f64>job.r;
  const staged = taps - 1 + <f64>ROWS;
  const ofGradients = job.kernel == Kernel.causalConvVjp ? staged + 2 * (taps + 1) : 0;
  const rows = taps + 3 + staged + ofGradients;
  return <f64>offsetof<Conv>() + 16 + rows * 8 * <f64>align(min(job.chunk, job.p), BLOCK);
}

/** Lays out the scratch for `cols` columns of one batch entry, from the byte `column` of its rows on, and stages its parameters. */
export function layOutConv<T>(job: Job, entry: i32, column: usize, cols: i32, scratch: usize): Conv {
  const conv = changetype<Conv>(scratch);
  const taps = job.r;
  const stride = bytes<f64>(align(cols, BLOCK));
  conv.taps = taps;
  conv.cols = cols;
  conv.silu = job.silu != 0;
  conv.stateful = job.operand(Operands.initialState).start != 0;
  conv.stride = stride;
  conv.weight = (scratch + offsetof<Conv>() + 15) & -16;
  conv.bias = conv.weight + taps * stride;
  conv.none = conv.bias + stride;
  conv.row = conv.none + stride;
  conv.x = conv.row + stride;
  conv.bar = conv.x + (taps - 1 + ROWS) * stride;
  conv.sums = conv.bar + (taps - 1 + ROWS) * stride;
  // The columns that fill up the last block are computed with, and never stored.
  if (cols % BLOCK) memory.fill(conv.weight, 0, conv.bar - conv.weight);
  else memory.fill(conv.bias, 0, conv.row - conv.bias);
  stageRows<T>(job.operand(Operands.write), entry, 0, taps, column, conv, conv.weight);
  stageRows<T>(job.operand(Operands.erase), entry, 0, 1, column, conv, conv.bias);
  stageRows<T>(job.operand(Operands.initialState), entry, 0, taps - 1, column, conv, conv.x);
  return conv;
}

/** Stages rows of an operand's entry, from row `first` on. It does nothing where there is no such operand. */
export function stageRows<T>(
  from: Operand,
  entry: i32,
  first: i32,
  rows: i32,
  column: usize,
  conv: Conv,
  to: usize,
): void {
  if (!from.start) return;
  let at = from.entry(entry) + first * from.row + column;
  for (; rows > 0; rows--) {
    loadRow<T>(at, conv.cols, 1, to);
    at += from.row;
    to += conv.stride;
  }
}
