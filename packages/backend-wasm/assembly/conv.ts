// A causal convolution for some columns of one batch entry. With X the initial state of taps − 1 rows followed by x, row i of the convolution
// meets the rows i to i + taps − 1 of X. Few rows and columns are staged at a time (conv-layout.ts), so that what is worked on stays in the
// first-level cache.
import { BLOCK, Conv, layOutConv, ROWS, stageRows } from "./conv-layout";
import { Job, Operands } from "./job";
import { bytes, madd } from "./lanes";
import { storeRow } from "./pairs";
import { activate } from "./sigmoid";

/** The bytes of a block, whose columns are summed in registers at a time. */
const BLOCK_BYTES: usize = <usize>BLOCK * sizeof<f64>();

/** Stages the rows of x from `first` on, after those of X before them. */
export function stageInputs<T>(job: Job, entry: i32, first: i32, rows: i32, column: usize, conv: Conv): void {
  const before = (conv.taps - 1) * conv.stride;
  if (first) memory.copy(conv.x, conv.x + ROWS * conv.stride, before);
  stageRows<T>(job.operand(Operands.x), entry, first, rows, column, conv, conv.x + before);
}

/** Computes row ← start + Σ w ∘ y over `count` rows of each; rows of y are `ys` bytes apart. */
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

/** Returns how many of the taps of row i meet no row, where there is no initial state. */
export function missing(conv: Conv, i: i32): i32 {
  return conv.stateful ? 0 : max(0, conv.taps - 1 - i);
}

/** Computes row i of the convolution, which is the row `within` of those staged. */
export function convolveRow(conv: Conv, i: i32, within: i32): void {
  const from = missing(conv, i);
  const stride = conv.stride;
  const x = conv.x + (within + from) * stride;
  convolve(conv, conv.bias, conv.weight + from * stride, x, stride, conv.taps - from);
}

/** Computes causalConv for `cols` columns of one batch entry, from column `from` on. */
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

/** Copies the last taps − 1 rows of X to the final state. */
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
