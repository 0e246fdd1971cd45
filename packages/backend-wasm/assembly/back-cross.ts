import { storeSums } from "./couplings";
import { bytes, madd, PANEL } from "./lanes";
import { ROW_BLOCK } from "./sums";

/**
 * out = A Bᵀ, the products summed over the columns of all panels: A [rows, …] and B [columns, …] in panels `as` and `bs` bytes apart,
 * `rows` even, `columns` a multiple of four.
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
): void {
  for (; columns > 0; columns -= 4) {
    let row = a;
    let to = out;
    for (let i = rows; i > 0; i -= 2) {
      crossTile<T>(row, as, b, bs, count, to, os);
      row += 2 * PANEL;
      to += 2 * os;
    }
    b += 4 * PANEL;
    out += bytes<T>(4);
  }
}

/** Two rows of A and four of B. Every lane sums 8 panels in a row, then adds them to those before. */
function crossTile<T>(a: usize, as: usize, b: usize, bs: usize, count: i32, out: usize, os: usize): void {
  let joins = false;
  do {
    const end = b + min(count, ROW_BLOCK) * bs;
    count -= ROW_BLOCK;
    const zero = v128.splat<T>(0);
    let c00 = zero;
    let c01 = zero;
    let c02 = zero;
    let c03 = zero;
    let c10 = zero;
    let c11 = zero;
    let c12 = zero;
    let c13 = zero;
    do {
      let x = v128.load(a);
      let y = v128.load(a, 32);
      let z = v128.load(b);
      c00 = madd<T>(c00, x, z);
      c10 = madd<T>(c10, y, z);
      z = v128.load(b, 32);
      c01 = madd<T>(c01, x, z);
      c11 = madd<T>(c11, y, z);
      z = v128.load(b, 64);
      c02 = madd<T>(c02, x, z);
      c12 = madd<T>(c12, y, z);
      z = v128.load(b, 96);
      c03 = madd<T>(c03, x, z);
      c13 = madd<T>(c13, y, z);
      x = v128.load(a, 16);
      y = v128.load(a, 48);
      z = v128.load(b, 16);
      c00 = madd<T>(c00, x, z);
      c10 = madd<T>(c10, y, z);
      z = v128.load(b, 48);
      c01 = madd<T>(c01, x, z);
      c11 = madd<T>(c11, y, z);
      z = v128.load(b, 80);
      c02 = madd<T>(c02, x, z);
      c12 = madd<T>(c12, y, z);
      z = v128.load(b, 112);
      c03 = madd<T>(c03, x, z);
      c13 = madd<T>(c13, y, z);
      a += as;
      b += bs;
    } while (b != end);
    storeSums<T>(c00, c01, c02, c03, out, joins);
    storeSums<T>(c10, c11, c12, c13, out + os, joins);
    joins = true;
  } while (count > 0);
}
