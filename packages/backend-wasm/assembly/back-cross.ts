import { storeSums } from "./couplings";
import { bytes, madd, PANEL } from "./lanes";
import { ROW_BLOCK } from "./sums";

/** Rows of A, and of B, that are done together. */
const ROWS: usize = 2;
const COLUMNS: usize = 4;

/** Bytes of `pack` for so many rows of A. */
export function crossBytes(rows: f64, count: f64): f64 {
  return (rows + COLUMNS) * count * PANEL;
}

/**
 * out = A Bᵀ, the products summed over the columns of all panels: A [rows, …] and B [columns, …] in panels `as` and `bs` bytes apart,
 * `rows` even, `columns` a multiple of four. Both are read from copies without gaps: rows of A two by two, four of B.
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
  pack: usize,
): void {
  const length = <usize>count * ROWS * PANEL;
  const end = pack + (rows / ROWS) * length;
  for (let to = pack; to != end; to += length) {
    packRows(a, as, ROWS * PANEL, count, to);
    a += ROWS * PANEL;
  }
  for (; columns > 0; columns -= COLUMNS) {
    packRows(b, bs, COLUMNS * PANEL, count, end);
    let to = out;
    for (let row = pack; row != end; row += length) {
      crossTile<T>(row, end, count, to, os);
      to += ROWS * os;
    }
    b += COLUMNS * PANEL;
    out += bytes<T>(COLUMNS);
  }
}

/** Some rows of every panel, vector by vector: the first of each row, then the second. */
function packRows(from: usize, fs: usize, length: usize, count: i32, to: usize): void {
  for (; count > 0; count--) {
    const end = from + length;
    let half = to + length / 2;
    for (let row = from; row != end; row += PANEL) {
      v128.store(to, v128.load(row));
      v128.store(half, v128.load(row, 16));
      to += 16;
      half += 16;
    }
    to = half;
    from += fs;
  }
}

/** Two rows of A and four of B. Every lane sums 8 panels in a row, then adds them to those before. */
function crossTile<T>(a: usize, b: usize, count: i32, out: usize, os: usize): void {
  const stop = a + <usize>count * ROWS * PANEL;
  let joins = false;
  do {
    const end = min(a + ROW_BLOCK * ROWS * PANEL, stop);
    let x = v128.load(a);
    let y = v128.load(a, 16);
    let z = v128.load(b);
    let c00 = v128.mul<T>(x, z);
    let c10 = v128.mul<T>(y, z);
    z = v128.load(b, 16);
    let c01 = v128.mul<T>(x, z);
    let c11 = v128.mul<T>(y, z);
    z = v128.load(b, 32);
    let c02 = v128.mul<T>(x, z);
    let c12 = v128.mul<T>(y, z);
    z = v128.load(b, 48);
    let c03 = v128.mul<T>(x, z);
    let c13 = v128.mul<T>(y, z);
    a += ROWS * 16;
    b += COLUMNS * 16;
    // a panel has two vectors, so there is another
    do {
      x = v128.load(a);
      y = v128.load(a, 16);
      z = v128.load(b);
      c00 = madd<T>(c00, x, z);
      c10 = madd<T>(c10, y, z);
      z = v128.load(b, 16);
      c01 = madd<T>(c01, x, z);
      c11 = madd<T>(c11, y, z);
      z = v128.load(b, 32);
      c02 = madd<T>(c02, x, z);
      c12 = madd<T>(c12, y, z);
      z = v128.load(b, 48);
      c03 = madd<T>(c03, x, z);
      c13 = madd<T>(c13, y, z);
      a += ROWS * 16;
      b += COLUMNS * 16;
    } while (a != end);
    storeSums<T>(c00, c01, c02, c03, out, joins);
    storeSums<T>(c10, c11, c12, c13, out + os, joins);
    joins = true;
  } while (a != stop);
}
