import { madd } from "./lanes";

// These functions compute the couplings of a chunk in which every channel decays by itself. They read a copy of G_c and
// tiles: a tile holds four rows of F, with each vector of channels preceded by the vector of factors by which earlier
// rows have decayed until that row.

/** The bytes that one vector of channels takes in such a tile. */
export const TILE: usize = 128;

/**
 * Lets two rows w of G decay through four rows v, all of which come after them, and computes S_vw for the channels of
 * `length` bytes. The 8 sums, the two rows, a factor and a row of F are 12 vectors, of the 15 that V8 can keep in registers.
 */
export function below<T>(
  g: usize,
  stride: usize,
  tile: usize,
  length: usize,
  to0: usize,
  to1: usize,
  joins: bool,
): void {
  const end = g + length;
  let h = g + stride;
  let c00 = v128.splat<T>(0);
  let c01 = c00;
  let c02 = c00;
  let c03 = c00;
  let c10 = c00;
  let c11 = c00;
  let c12 = c00;
  let c13 = c00;
  do {
    let b = v128.load(tile);
    let x = v128.mul<T>(v128.load(g), b);
    let y = v128.mul<T>(v128.load(h), b);
    let f = v128.load(tile, 16);
    c00 = madd<T>(c00, f, x);
    c10 = madd<T>(c10, f, y);
    b = v128.load(tile, 32);
    x = v128.mul<T>(x, b);
    y = v128.mul<T>(y, b);
    f = v128.load(tile, 48);
    c01 = madd<T>(c01, f, x);
    c11 = madd<T>(c11, f, y);
    b = v128.load(tile, 64);
    x = v128.mul<T>(x, b);
    y = v128.mul<T>(y, b);
    f = v128.load(tile, 80);
    c02 = madd<T>(c02, f, x);
    c12 = madd<T>(c12, f, y);
    b = v128.load(tile, 96);
    x = v128.mul<T>(x, b);
    y = v128.mul<T>(y, b);
    f = v128.load(tile, 112);
    c03 = madd<T>(c03, f, x);
    c13 = madd<T>(c13, f, y);
    v128.store(g, x);
    v128.store(h, y);
    g += 16;
    h += 16;
    tile += TILE;
  } while (g != end);
  storeSums<T>(c00, c01, c02, c03, to0, joins);
  storeSums<T>(c10, c11, c12, c13, to1, joins);
}

/** Does the same among four rows: computes S_vw for v > w. The rows of Sᵀ are `ts` bytes apart. */
export function among<T>(
  g: usize,
  stride: usize,
  tile: usize,
  length: usize,
  to: usize,
  ts: usize,
  joins: bool,
): void {
  const end = g + length;
  const zero = v128.splat<T>(0);
  let c01 = zero;
  let c02 = zero;
  let c03 = zero;
  let c12 = zero;
  let c13 = zero;
  let c23 = zero;
  do {
    const g1 = g + stride;
    const g2 = g1 + stride;
    let b = v128.load(tile, 32);
    let x = v128.mul<T>(v128.load(g), b);
    let f = v128.load(tile, 48);
    c01 = madd<T>(c01, f, x);
    b = v128.load(tile, 64);
    x = v128.mul<T>(x, b);
    let y = v128.mul<T>(v128.load(g1), b);
    f = v128.load(tile, 80);
    c02 = madd<T>(c02, f, x);
    c12 = madd<T>(c12, f, y);
    b = v128.load(tile, 96);
    x = v128.mul<T>(x, b);
    y = v128.mul<T>(y, b);
    const z = v128.mul<T>(v128.load(g2), b);
    f = v128.load(tile, 112);
    c03 = madd<T>(c03, f, x);
    c13 = madd<T>(c13, f, y);
    c23 = madd<T>(c23, f, z);
    v128.store(g, x);
    v128.store(g1, y);
    v128.store(g2, z);
    g += 16;
    tile += TILE;
  } while (g != end);
  storeSums<T>(zero, c01, c02, c03, to, joins);
  storeSums<T>(zero, zero, c12, c13, to + ts, joins);
  storeSums<T>(zero, zero, zero, c23, to + 2 * ts, joins);
}

/**
 * Sums the lanes of four vectors and stores the four sums side by side. Where `joins` is set, they are added to what is
 * there.
 */
export function storeSums<T>(a: v128, b: v128, c: v128, d: v128, to: usize, joins: bool): void {
  if (sizeof<T>() == 4) {
    const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
    const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
    let sums = f32x4.add(v128.shuffle<f64>(ab, cd, 0, 2), v128.shuffle<f64>(ab, cd, 1, 3));
    if (joins) sums = f32x4.add(sums, v128.load(to));
    v128.store(to, sums);
    return;
  }
  let ab = f64x2.add(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(a, b, 1, 3));
  let cd = f64x2.add(v128.shuffle<f64>(c, d, 0, 2), v128.shuffle<f64>(c, d, 1, 3));
  if (joins) {
    ab = f64x2.add(ab, v128.load(to));
    cd = f64x2.add(cd, v128.load(to, 16));
  }
  v128.store(to, ab);
  v128.store(to, cd, 16);
}
