import { madd, PANEL } from "./lanes";

/**
 * Terms that are added in a row before their sum is added to the others: an error of ε a term then stays one of about
 * 16 ε, however long the sum. Shorter blocks are more exact and cost more: each block's end is 8 loads and 8 stores.
 */
export const BLOCK: i32 = 16;
/** The same for sums over the rows of a chunk, whose terms carry the errors of a sum over r already. */
export const ROW_BLOCK: i32 = 8;

/**
 * tile [4, panel] = Fᵀ V, for four columns of f [r + own, fs bytes] and the panel v [r + own]: the first `r` terms in
 * blocks of 16, the others in blocks of 8, r ≥ 1.
 */
export function sumTile<T>(f: usize, fs: usize, v: usize, r: i32, own: i32, tile: usize): void {
  let left = r;
  let block = BLOCK;
  let started = false;
  do {
    const k = min(left, block);
    left -= k;
    const end = v + <usize>k * PANEL;
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
      c00 = v128.add<T>(c00, v128.load(tile));
      c01 = v128.add<T>(c01, v128.load(tile, 16));
      c10 = v128.add<T>(c10, v128.load(tile, 32));
      c11 = v128.add<T>(c11, v128.load(tile, 48));
      c20 = v128.add<T>(c20, v128.load(tile, 64));
      c21 = v128.add<T>(c21, v128.load(tile, 80));
      c30 = v128.add<T>(c30, v128.load(tile, 96));
      c31 = v128.add<T>(c31, v128.load(tile, 112));
    }
    started = true;
    v128.store(tile, c00);
    v128.store(tile, c01, 16);
    v128.store(tile, c10, 32);
    v128.store(tile, c11, 48);
    v128.store(tile, c20, 64);
    v128.store(tile, c21, 80);
    v128.store(tile, c30, 96);
    v128.store(tile, c31, 112);
    if (left == 0) {
      left = own;
      own = 0;
      block = ROW_BLOCK;
    }
  } while (left > 0);
}
