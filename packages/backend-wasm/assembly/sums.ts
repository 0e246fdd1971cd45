import { madd, PANEL } from "./lanes";

// A sum of m terms added up one after the other can lose half a unit in the last place at every addition, m in all. Sums are
// therefore cut into blocks, whose sums are added up afterwards: a term then passes through at most (terms of a block) +
// (blocks) additions. A tile's 8 sums fill the registers, so the sum of earlier blocks waits in memory; a block's end costs 8
// loads and 8 stores, and no additions, because a block begins with a product instead of 0.

/** The number of terms in a block where the sum runs over rows, or over the columns of a right-hand side. */
export const ROW_BLOCK: i32 = 8;
/** The most terms of a block where the sum runs over the rank. Blocks of 8 would cost 5 % of a solve. */
const BLOCK: i32 = 16;
/** The number of terms over the rank whose blocks are added up before their sum is added to those of other groups. */
const GROUP: i32 = 64;

/**
 * Returns the number of terms in each block of a sum over a rank of r. The blocks are of equal length, so that 20 terms
 * are 10 + 10 and not 16 + 4.
 */
export function blockOf(r: i32): i32 {
  const blocks = (r + BLOCK - 1) / BLOCK;
  return blocks ? (r + blocks - 1) / blocks : 0;
}

/**
 * Writes Fᵀ V to `tile`, four rows of a panel: f holds four adjacent columns of F [r + own rows, `fs` bytes apart], v the
 * panel V [r + own rows], r ≥ 1. The first r terms run over the rank and are summed in groups; the `own` others run over
 * rows of the chunk and are a group for themselves. `part`, four rows of a panel, is scratch. Writing to `tile` destroys
 * no operand even where it is the row of V after the last one read.
 */
export function sumTile<T>(
  f: usize,
  fs: usize,
  v: usize,
  r: i32,
  block: i32,
  own: i32,
  part: usize,
  tile: usize,
): void {
  let joins = false;
  for (; r > 0; r -= GROUP) {
    const group = min(r, GROUP);
    sumGroup<T>(f, fs, v, group, block, part, tile, joins);
    f += <usize>group * fs;
    v += <usize>group * PANEL;
    joins = true;
  }
  if (own > 0) sumGroup<T>(f, fs, v, own, ROW_BLOCK, part, tile, true);
}

/**
 * Sums one group of `count` ≥ 1 terms in blocks. Writes the sum to `tile`, or adds it to what is there where it
 * `joins`.
 */
export function sumGroup<T>(
  f: usize,
  fs: usize,
  v: usize,
  count: i32,
  block: i32,
  part: usize,
  tile: usize,
  joins: bool,
): void {
  const step = <usize>block * PANEL;
  const stop = v + <usize>count * PANEL;
  let started = false;
  for (;;) {
    const end = min(v + step, stop);
    let v0 = v128.load(v);
    let v1 = v128.load(v, 16);
    let x = v128.load_splat<T>(f);
    let c00 = v128.mul<T>(x, v0);
    let c01 = v128.mul<T>(x, v1);
    x = v128.load_splat<T>(f, sizeof<T>());
    let c10 = v128.mul<T>(x, v0);
    let c11 = v128.mul<T>(x, v1);
    x = v128.load_splat<T>(f, 2 * sizeof<T>());
    let c20 = v128.mul<T>(x, v0);
    let c21 = v128.mul<T>(x, v1);
    x = v128.load_splat<T>(f, 3 * sizeof<T>());
    let c30 = v128.mul<T>(x, v0);
    let c31 = v128.mul<T>(x, v1);
    f += fs;
    v += PANEL;
    if (v != end) {
      do {
        v0 = v128.load(v);
        v1 = v128.load(v, 16);
        x = v128.load_splat<T>(f);
        c00 = madd<T>(c00, x, v0);
        c01 = madd<T>(c01, x, v1);
        x = v128.load_splat<T>(f, sizeof<T>());
        c10 = madd<T>(c10, x, v0);
        c11 = madd<T>(c11, x, v1);
        x = v128.load_splat<T>(f, 2 * sizeof<T>());
        c20 = madd<T>(c20, x, v0);
        c21 = madd<T>(c21, x, v1);
        x = v128.load_splat<T>(f, 3 * sizeof<T>());
        c30 = madd<T>(c30, x, v0);
        c31 = madd<T>(c31, x, v1);
        f += fs;
        v += PANEL;
      } while (v != end);
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
    if (v == stop) {
      if (joins) {
        c00 = v128.add<T>(c00, v128.load(tile));
        c01 = v128.add<T>(c01, v128.load(tile, 16));
        c10 = v128.add<T>(c10, v128.load(tile, 32));
        c11 = v128.add<T>(c11, v128.load(tile, 48));
        c20 = v128.add<T>(c20, v128.load(tile, 64));
        c21 = v128.add<T>(c21, v128.load(tile, 80));
        c30 = v128.add<T>(c30, v128.load(tile, 96));
        c31 = v128.add<T>(c31, v128.load(tile, 112));
      }
      v128.store(tile, c00);
      v128.store(tile, c01, 16);
      v128.store(tile, c10, 32);
      v128.store(tile, c11, 48);
      v128.store(tile, c20, 64);
      v128.store(tile, c21, 80);
      v128.store(tile, c30, 96);
      v128.store(tile, c31, 112);
      return;
    }
    started = true;
    v128.store(part, c00);
    v128.store(part, c01, 16);
    v128.store(part, c10, 32);
    v128.store(part, c11, 48);
    v128.store(part, c20, 64);
    v128.store(part, c21, 80);
    v128.store(part, c30, 96);
    v128.store(part, c31, 112);
  }
}
