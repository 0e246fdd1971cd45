import { convolve, convolveRow, missing, stageInputs } from "./conv";
import { Conv, layOutConv, ROWS, stageRows } from "./conv-layout";
import { Job, Operand, Operands } from "./job";
import { bytes, madd } from "./lanes";
import { addExactly, multiplyRows, storePair, storeRow } from "./pairs";
import { activate } from "./sigmoid";

/**
 * Computes causalConvVjp for some columns of one batch entry. A row of X̄ gathers from the cotangents of taps rows, the last of which is its own
 * in the numbering of X: it is stored when that is staged.
 */
export function causalConvVjp<T>(job: Job, entry: i32, from: i32, cols: i32, scratch: usize): void {
  const column = bytes<T>(from);
  const conv = layOutConv<T>(job, entry, column, cols, scratch);
  const weight = job.operand(Operands.writeGradient).start != 0;
  const bias = job.operand(Operands.eraseGradient).start != 0;
  memory.fill(conv.bar, 0, conv.sums + 2 * (conv.taps + 1) * conv.stride - conv.bar);
  for (let first = 0; first < job.n; first += ROWS) {
    const rows = min(ROWS, job.n - first);
    stageInputs<T>(job, entry, first, rows, column, conv);
    stageCotangents<T>(job, entry, first, rows, column, conv);
    if (weight) addTaps(conv, first, rows);
    if (bias) addBias(conv, rows);
    const end = first + rows < job.n ? first + rows : job.n + conv.taps - 1;
    for (let m = first; m < end; m++) inputGradient<T>(job, entry, m, first, column, conv);
  }
  for (let j = 0; j < conv.taps; j++)
    storeSums<T>(job.operand(Operands.writeGradient), entry, j, column, conv, j);
  storeSums<T>(job.operand(Operands.eraseGradient), entry, 0, column, conv, conv.taps);
}

/** Stages Ȳ, the cotangents of what the activation takes, after those of the rows before. */
function stageCotangents<T>(job: Job, entry: i32, first: i32, rows: i32, column: usize, conv: Conv): void {
  const stride = conv.stride;
  const before = (conv.taps - 1) * stride;
  if (first) memory.copy(conv.bar, conv.bar + ROWS * stride, before);
  const bar = conv.bar + before;
  stageRows<T>(job.operand(Operands.out), entry, first, rows, column, conv, bar);
  if (!conv.silu) return;
  for (let i = 0; i < rows; i++) {
    convolveRow(conv, first + i, i);
    activate<T>(conv.row, stride, 0, conv.row, true);
    multiplyRows(bar + i * stride, conv.row, stride, bar + i * stride);
  }
}

/** Adds Σ ȳ_i ∘ X_{i+j} over the staged rows for every tap j. */
function addTaps(conv: Conv, first: i32, rows: i32): void {
  const stride = conv.stride;
  const bar = conv.bar + (conv.taps - 1) * stride;
  let sum = conv.sums;
  for (let j = 0; j < conv.taps; j++) {
    // Without an initial state the rows before taps − 1 − j meet none.
    const from = max(0, missing(conv, first) - j);
    addProducts(bar + from * stride, conv.x + (from + j) * stride, stride, stride, rows - from, sum);
    sum += 2 * stride;
  }
}

/** Adds Σ ȳ_i over the staged rows. */
function addBias(conv: Conv, rows: i32): void {
  const stride = conv.stride;
  const before = conv.taps - 1;
  const ones = conv.row;
  for (let c: usize = 0; c < stride; c += 16) v128.store(ones + c, f64x2.splat(1));
  addProducts(conv.bar + before * stride, ones, 0, stride, rows, conv.sums + 2 * conv.taps * stride);
}

/** Adds Σ y ∘ x over `count` rows of each, in two chains. Rows of x are `xs` bytes apart. */
function addProducts(y: usize, x: usize, xs: usize, stride: usize, count: i32, sum: usize): void {
  if (count <= 0) return;
  for (let c: usize = 0; c < stride; c += 16) {
    let u = y + c;
    let v = x + c;
    let s0 = f64x2.mul(v128.load(u), v128.load(v));
    let s1 = f64x2.splat(0);
    for (let i = count - 1; i > 1; i -= 2) {
      s1 = madd<f64>(s1, v128.load(u + stride), v128.load(v + xs));
      u += 2 * stride;
      v += 2 * xs;
      s0 = madd<f64>(s0, v128.load(u), v128.load(v));
    }
    if (!(count & 1)) s1 = madd<f64>(s1, v128.load(u + stride), v128.load(v + xs));
    addExactly(sum + 2 * c, f64x2.add(s0, s1));
  }
}

/** Computes row m of X̄, in the gradient of the initial state or of x; the rows from `first` on are staged. */
function inputGradient<T>(job: Job, entry: i32, m: i32, first: i32, column: usize, conv: Conv): void {
  const kept = conv.taps - 1;
  const into = job.operand(m < kept ? Operands.initialStateGradient : Operands.valueGradient);
  if (!into.start) return;
  const given = job.operand(Operands.finalState);
  const stride = conv.stride;
  let start = conv.none;
  if (m >= job.n && given.start) {
    start = conv.row;
    stageRows<T>(given, entry, m - job.n, 1, column, conv, start);
  }
  // Tap j met this row in row m − j of the convolution, which has those from 0 to n − 1.
  const low = max(0, m - job.n + 1);
  const count = min(conv.taps, m + 1) - low;
  const bar = conv.bar + (kept + m - first - low) * stride;
  convolve(conv, start, conv.weight + low * stride, bar, 0 - stride, count);
  storeRow<T>(conv.row, conv.cols, into.entry(entry) + (m < kept ? m : m - kept) * into.row + column);
}

/** Stores the sum `which` with what it lost, as a row of a gradient. */
function storeSums<T>(into: Operand, entry: i32, row: i32, column: usize, conv: Conv, which: i32): void {
  if (!into.start) return;
  let at = conv.sums + 2 * which * conv.stride;
  let to = into.entry(entry) + row * into.row + column;
  for (let left = conv.cols; left > 0; left -= 2) {
    const sum = v128.load(at);
    const whole = f64x2.add(sum, v128.load(at, 16));
    // A sum that is infinite has lost NaN.
    storePair<T>(to, left > 1, v128.bitselect(whole, sum, f64x2.eq(whole, whole)));
    at += 32;
    to += 2 * sizeof<T>();
  }
}
