// A causal convolution for some columns of one batch entry, in f64 whatever the dtype. With X the initial state of taps − 1 rows followed by
// x, row i of the convolution meets the rows i to i + taps − 1 of X. Some rows at a time are staged as f64, in rows of whole blocks of
// columns, so that what an item works on stays in the first-level cache and no loop has an end of its own for the last columns.
import { Job, Operand, Operands } from "./job";
import { align, bytes, madd } from "./lanes";
import { loadRow, storeRow } from "./pairs";
import { activate } from "./sigmoid";

/** Rows that are staged at a time. */
export const ROWS: i32 = 16;
/** Columns of a block, and its bytes. */
const BLOCK: i32 = 8;
const BLOCK_BYTES: usize = 64;

/** What is staged, and where. Rows are `stride` bytes apart. */
@unmanaged
export class Conv {
  taps!: i32;
  cols!: i32;
  silu!: bool;
  /** Whether there is an initial state. Without one the first rows meet fewer rows of X. */
  stateful!: bool;
  stride!: usize;
  /** [taps] */
  weight!: usize;
  /** [1], zeros where there is none */
  bias!: usize;
  /** [1], zeros */
  none!: usize;
  /** [1], a row being computed */
  row!: usize;
  /** [taps − 1 + ROWS]: rows of X, those that come before the present ones first */
  x!: usize;
  /** the same of the cotangents of the rows before the activation, in the gradient */
  bar!: usize;
  /** [taps + 1], in the gradient: sums for every tap and for the bias, 2 `stride` bytes apart, of pairs each followed by what was lost */
  sums!: usize;
}

/** Bytes that `layOutConv` divides. */
export function convBytes(job: Job): f64 {
  const taps = <f64>job.r;
  const rows = taps + 3 + 2 * (taps - 1 + <f64>ROWS) + 2 * (taps + 1);
  return <f64>offsetof<Conv>() + 16 + rows * 8 * <f64>align(min(job.chunk, job.p), BLOCK);
}

/** The columns from `column` on of one batch entry. */
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
  // columns that fill up the last block are computed with, and never stored
  if (cols % BLOCK) memory.fill(conv.weight, 0, conv.bar - conv.weight);
  else memory.fill(conv.bias, 0, conv.row - conv.bias);
  stageRows<T>(job.operand(Operands.write), entry, 0, taps, column, conv, conv.weight);
  stageRows<T>(job.operand(Operands.erase), entry, 0, 1, column, conv, conv.bias);
  stageRows<T>(job.operand(Operands.initialState), entry, 0, taps - 1, column, conv, conv.x);
  return conv;
}

/** Rows from `first` on of an operand's entry, as f64; nothing where there is no such operand. */
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

/** Stages the rows of x from `first` on, after those of X before them. */
export function stageInputs<T>(job: Job, entry: i32, first: i32, rows: i32, column: usize, conv: Conv): void {
  const before = (conv.taps - 1) * conv.stride;
  if (first) memory.copy(conv.x, conv.x + ROWS * conv.stride, before);
  stageRows<T>(job.operand(Operands.x), entry, first, rows, column, conv, conv.x + before);
}

/** Row ← start + Σ w ∘ y over `count` rows of each; rows of y are `ys` bytes apart. */
export function convolve(conv: Conv, start: usize, w: usize, y: usize, ys: usize, count: i32): void {
  const stride = conv.stride;
  for (let c: usize = 0; c < stride; c += BLOCK_BYTES) {
    let s0 = v128.load(start + c);
    let s1 = v128.load(start + c, 16);
    let s2 = v128.load(start + c, 32);
    let s3 = v128.load(start + c, 48);
    let u = w + c;
    let v = y + c;
    for (let k = count; k > 0; k--) {
      s0 = madd<f64>(s0, v128.load(u), v128.load(v));
      s1 = madd<f64>(s1, v128.load(u, 16), v128.load(v, 16));
      s2 = madd<f64>(s2, v128.load(u, 32), v128.load(v, 32));
      s3 = madd<f64>(s3, v128.load(u, 48), v128.load(v, 48));
      u += stride;
      v += ys;
    }
    const to = conv.row + c;
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
  }
}

/** How many of the taps of row i meet no row, as there is no initial state. */
export function missing(conv: Conv, i: i32): i32 {
  return conv.stateful ? 0 : max(0, conv.taps - 1 - i);
}

/** Row i of the convolution, the row `within` of those staged. */
export function convolveRow(conv: Conv, i: i32, within: i32): void {
  const from = missing(conv, i);
  const stride = conv.stride;
  const x = conv.x + (within + from) * stride;
  convolve(conv, conv.bias, conv.weight + from * stride, x, stride, conv.taps - from);
}

/** causalConv for the columns from `from` on, `cols` of them, of one batch entry. */
export function causalConv<T>(job: Job, entry: i32, from: i32, cols: i32, scratch: usize): void {
  const column = bytes<T>(from);
  const conv = layOutConv<T>(job, entry, column, cols, scratch);
  const out = job.operand(Operands.out);
  let to = out.entry(entry) + column;
  for (let first = 0; first < job.n; first += ROWS) {
    const rows = min(ROWS, job.n - first);
    stageInputs<T>(job, entry, first, rows, column, conv);
    for (let i = 0; i < rows; i++) {
      convolveRow(conv, first + i, i);
      if (conv.silu) activate<T>(conv.row, conv.stride, conv.row, 0, true);
      storeRow<T>(conv.row, cols, to);
      to += out.row;
    }
  }
  keepLastRows<T>(job, entry, column, cols);
}

/** The last taps − 1 rows of X as they are. */
function keepLastRows<T>(job: Job, entry: i32, column: usize, cols: i32): void {
  const after = job.operand(Operands.finalState);
  if (!after.start) return;
  const before = job.operand(Operands.initialState);
  const x = job.operand(Operands.x);
  const kept = job.r - 1;
  let to = after.entry(entry) + column;
  for (let row = 0; row < kept; row++) {
    const token = job.n + row - kept;
    const from = token < 0 ? before : x;
    if (from.start)
      memory.copy(
        to,
        from.entry(entry) + (token < 0 ? job.n + row : token) * from.row + column,
        bytes<T>(cols),
      );
    else memory.fill(to, 0, bytes<T>(cols));
    to += after.row;
  }
}
