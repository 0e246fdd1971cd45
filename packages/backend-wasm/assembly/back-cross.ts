import { bytes, lanes, madd, PANEL, transposeSquare, width } from "./lanes";

/** Products that a sum takes up before it is added to that of other blocks, … */
const BLOCK: i32 = 16;
/** … and those after which the sum of the blocks is added to those of other groups. */
const GROUP: i32 = 64;
/** Rows of A that are done together. */
const ROWS: i32 = 4;

/** Bytes of the copy of a panel's rows of B. */
export function turnedBytes<T>(count: i32): usize {
  return <usize>(count * width<T>()) * PANEL;
}

/** Rows of B, in panels `bs` bytes apart, as the columns of one panel. */
function turnRows<T>(b: usize, bs: usize, count: i32, to: usize): void {
  const square = lanes<T>() * PANEL;
  for (; count > 0; count--) {
    for (let half: usize = 0; half < PANEL; half += 16) {
      turnSquare<T>(b + half, to);
      turnSquare<T>(b + square + half, to + 16);
      to += square;
    }
    b += bs;
  }
}

/** As many rows of one vector as it has lanes. */
function turnSquare<T>(from: usize, to: usize): void {
  transposeSquare<T>(from, from + PANEL, from + 2 * PANEL, from + 3 * PANEL, to, PANEL);
}

/**
 * out = A Bᵀ, the products summed over the columns of all panels: A [rows, …] and B [columns, …] in panels `as` and `bs` bytes apart,
 * `rows` and `columns` multiples of four; of B, whole panels of rows are read, and turned one after the other. Where `half` rows of A are to meet rows of B up to their own alone, and
 * the same many after them likewise, what lies right of these is left out, but for whole tiles; 0: nothing is.
 */
export function crossRows<T>(
  a: usize,
  as: usize,
  rows: i32,
  b: usize,
  bs: usize,
  columns: i32,
  count: i32,
  out: usize,
  os: usize,
  half: i32,
  part: usize,
  turned: usize,
): void {
  const length = turnedBytes<T>(count);
  for (let j = 0; j < columns; j += width<T>()) {
    turnRows<T>(b + j * PANEL, bs, count, turned);
    const both = columns - j > lanes<T>();
    for (let i = 0; i < rows; i += ROWS) {
      if (half && (i % half) + ROWS <= j) continue;
      crossTile<T>(a + i * PANEL, as, turned, length, part, out + i * os + bytes<T>(j), os, both);
    }
  }
}

/** Four rows of A and a panel's rows of B, of which the second half may be none. */
function crossTile<T>(
  a: usize,
  as: usize,
  b: usize,
  length: usize,
  part: usize,
  out: usize,
  os: usize,
  both: bool,
): void {
  const stop = b + length;
  const skip = as - PANEL;
  let group = b;
  let joins = false;
  do {
    const blockEnd = min(b + BLOCK * PANEL, stop);
    let end = b + width<T>() * PANEL;
    const started = b != group;
    let y0 = v128.load(b);
    let y1 = v128.load(b, 16);
    let x = v128.load_splat<T>(a);
    let c00 = v128.mul<T>(x, y0);
    let c01 = v128.mul<T>(x, y1);
    x = v128.load_splat<T>(a, PANEL);
    let c10 = v128.mul<T>(x, y0);
    let c11 = v128.mul<T>(x, y1);
    x = v128.load_splat<T>(a, 2 * PANEL);
    let c20 = v128.mul<T>(x, y0);
    let c21 = v128.mul<T>(x, y1);
    x = v128.load_splat<T>(a, 3 * PANEL);
    let c30 = v128.mul<T>(x, y0);
    let c31 = v128.mul<T>(x, y1);
    a += sizeof<T>();
    b += PANEL;
    for (;;) {
      do {
        y0 = v128.load(b);
        y1 = v128.load(b, 16);
        x = v128.load_splat<T>(a);
        c00 = madd<T>(c00, x, y0);
        c01 = madd<T>(c01, x, y1);
        x = v128.load_splat<T>(a, PANEL);
        c10 = madd<T>(c10, x, y0);
        c11 = madd<T>(c11, x, y1);
        x = v128.load_splat<T>(a, 2 * PANEL);
        c20 = madd<T>(c20, x, y0);
        c21 = madd<T>(c21, x, y1);
        x = v128.load_splat<T>(a, 3 * PANEL);
        c30 = madd<T>(c30, x, y0);
        c31 = madd<T>(c31, x, y1);
        a += sizeof<T>();
        b += PANEL;
      } while (b != end);
      a += skip;
      if (b == blockEnd) break;
      end += width<T>() * PANEL;
    }
    if (started) {
      c00 = v128.add<T>(c00, v128.load(part));
      c01 = v128.add<T>(c01, v128.load(part, 16));
      c10 = v128.add<T>(c10, v128.load(part, 32));
      c11 = v128.add<T>(c11, v128.load(part, 48));
      c20 = v128.add<T>(c20, v128.load(part, 64));
      c21 = v128.add<T>(c21, v128.load(part, 80));
      c30 = v128.add<T>(c30, v128.load(part, 96));
      c31 = v128.add<T>(c31, v128.load(part, 112));
    }
    if (b != stop && b != group + GROUP * PANEL) {
      v128.store(part, c00);
      v128.store(part, c01, 16);
      v128.store(part, c10, 32);
      v128.store(part, c11, 48);
      v128.store(part, c20, 64);
      v128.store(part, c21, 80);
      v128.store(part, c30, 96);
      v128.store(part, c31, 112);
      continue;
    }
    group = b;
    storeSum<T>(out, c00, joins);
    storeSum<T>(out + os, c10, joins);
    storeSum<T>(out + 2 * os, c20, joins);
    storeSum<T>(out + 3 * os, c30, joins);
    if (both) {
      storeSum<T>(out + 16, c01, joins);
      storeSum<T>(out + os + 16, c11, joins);
      storeSum<T>(out + 2 * os + 16, c21, joins);
      storeSum<T>(out + 3 * os + 16, c31, joins);
    }
    joins = true;
  } while (b != stop);
}

function storeSum<T>(to: usize, sum: v128, joins: bool): void {
  v128.store(to, joins ? v128.add<T>(sum, v128.load(to)) : sum);
}
