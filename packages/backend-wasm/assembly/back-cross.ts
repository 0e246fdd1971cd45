import { bytes, lanes, madd, PANEL, transposeSquare, width } from "./lanes";

// The products of equation (30) of the reference README that are summed over the columns of all panels: Ō Zᵀ, B̄ Zᵀ, U Z̄ᵀ, Ō Uᵀ and B̄ Uᵀ.
// Both operands lie in panels, row by row, so a product of rows with rows would add up lanes at its end. Instead, one panel's rows of B
// are turned to columns first (`turned`, [columns, panel]), and then the tile is that of the other products: four rows of A, two vectors of B.
// That was 3 % of all faster.

/** A sum takes up so many products before it is added to the sum of the earlier blocks. */
const BLOCK: i32 = 16;
/** The sum of the blocks takes up so many products before it is added to that of the earlier groups. */
const GROUP: i32 = 64;
/** The number of rows of A that are computed together. */
const ROWS: i32 = 4;

/** The bytes that the transposed copy of one panel's rows of B takes. */
export function turnedBytes<T>(count: i32): usize {
  return <usize>(count * width<T>()) * PANEL;
}

/** Copies rows of B, which lie in panels `bs` bytes apart, as the columns of one panel. */
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

/** Transposes a square: as many rows as a vector has lanes, each a vector long. */
function turnSquare<T>(from: usize, to: usize): void {
  transposeSquare<T>(from, from + PANEL, from + 2 * PANEL, from + 3 * PANEL, to, PANEL);
}

/**
 * Computes A Bᵀ, with the products summed over the columns of all panels. A [rows, …] and B [columns, …] lie in panels
 * `as` and `bs` bytes apart; `rows` and `columns` are multiples of four. The rows of B are read a whole panel at a
 * time, and each panel is transposed first.
 *
 * Where `half` > 0, the first `half` rows of A meet only the rows of B up to their own, and so do the next `half` rows:
 * what lies to the right of the diagonal is left out, except within whole tiles. Where `half` is 0, nothing is left
 * out.
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

/** Multiplies four rows of A by one panel's rows of B, of which the second half may not exist. */
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
