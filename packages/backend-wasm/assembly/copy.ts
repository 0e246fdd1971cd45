import { Job, Operands } from "./job";
import { bytes, lanes, transposeSquare } from "./lanes";

/**
 * A transposing copy writes so many columns of `out` at a time, so that the cache lines of both sides stay in the
 * cache.
 */
const BLOCK: i32 = 16;

/** Copies out ← α x, or α xᵀ, for the rows [from, to) of one batch entry of `out`. */
export function copy<T>(job: Job, entry: i32, from: i32, to: i32): void {
  const x = job.operand(Operands.x);
  const out = job.operand(Operands.out);
  const xs = x.row;
  const os = out.row;
  const alpha = <T>job.alpha;
  const cols = job.p;
  const rows = to - from;
  const target = out.entry(entry) + from * os;
  if (!job.trans) {
    copyRows<T>(x.entry(entry) + from * xs, xs, rows, cols, target, os, alpha);
    return;
  }
  const source = x.entry(entry) + bytes<T>(from);
  for (let j = 0; j < cols; j += BLOCK) {
    transposeBlock<T>(source + j * xs, xs, rows, min(BLOCK, cols - j), target + bytes<T>(j), os, alpha);
  }
}

function copyRows<T>(x: usize, xs: usize, rows: i32, cols: i32, out: usize, os: usize, alpha: T): void {
  let length = bytes<T>(cols);
  if (xs == length && os == length) {
    // Where neither side has gaps between its rows, all rows are copied as one long row.
    length *= rows;
    rows = 1;
  }
  for (; rows > 0; rows--) {
    if (alpha == <T>1) memory.copy(out, x, length);
    else scaleRow<T>(x, length, out, alpha);
    x += xs;
    out += os;
  }
}

function scaleRow<T>(x: usize, length: usize, out: usize, alpha: T): void {
  const whole = length & -16;
  const factor = v128.splat<T>(alpha);
  for (let j: usize = 0; j < whole; j += 16) v128.store(out + j, v128.mul<T>(factor, v128.load(x + j)));
  for (let j = whole; j < length; j += sizeof<T>()) store<T>(out + j, alpha * load<T>(x + j));
}

/**
 * Copies out [rows, cols] ← α xᵀ, for x [cols, rows], square by square; what is left at the edges is copied element by
 * element.
 */
function transposeBlock<T>(x: usize, xs: usize, rows: i32, cols: i32, out: usize, os: usize, alpha: T): void {
  const size = lanes<T>();
  const wholeCols = cols & -size;
  for (let i = 0; i < rows; i += size) {
    const whole = rows - i >= size;
    if (whole) {
      for (let j = 0; j < wholeCols; j += size) {
        const from = x + j * xs;
        const last = from + (size - 1) * xs;
        transposeSquare<T>(from, from + xs, last - xs, last, out + bytes<T>(j), os);
      }
    }
    const height = min(size, rows - i);
    for (let v = 0; v < height; v++) {
      const row = out + v * os;
      if (whole && alpha != <T>1) scaleRow<T>(row, bytes<T>(wholeCols), row, alpha);
      for (let j = whole ? wholeCols : 0; j < cols; j++) {
        store<T>(row + bytes<T>(j), alpha * load<T>(x + j * xs + bytes<T>(v)));
      }
    }
    x += 16;
    out += size * os;
  }
}
