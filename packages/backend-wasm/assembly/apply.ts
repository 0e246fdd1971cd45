import { madd, PANEL } from "./lanes";
import { sumTile } from "./sums";

/**
 * Computes α (λ x + S X + F Z) for one panel of one chunk, where S is strictly lower triangular. The tile and the
 * operands lie as in solveRows, with X in the place of Y under Z. `pivot` holds λ, or is 0 where Λ = 0.
 */
export function applyRows<T>(
  rows: i32,
  f: usize,
  fs: usize,
  r: i32,
  block: i32,
  z: usize,
  pivot: usize,
  tile: usize,
  out: usize,
  os: usize,
  alpha: T,
): void {
  const scale = v128.splat<T>(alpha);
  for (let i = 0; i < rows; i += 4) {
    const last = min(rows - 1 - i, 3);
    const i1 = min(last, 1);
    const i2 = min(last, 2);
    const v = z + <usize>(r + i) * PANEL;
    sumTile<T>(f, fs, z, r, block, i, tile + 4 * PANEL, tile);
    const a = f + <usize>(r + i) * fs;
    // The products with the 4×4 triangle and with Λ form a sum of their own. `a` and the three rows after it are the
    // triangle's columns, and `v` is the tile's rows of X.
    const x00 = v128.load(v);
    const x01 = v128.load(v, 16);
    let x = v128.load_splat<T>(a, sizeof<T>());
    let c10 = v128.mul<T>(x, x00);
    let c11 = v128.mul<T>(x, x01);
    x = v128.load_splat<T>(a, 2 * sizeof<T>());
    let c20 = v128.mul<T>(x, x00);
    let c21 = v128.mul<T>(x, x01);
    x = v128.load_splat<T>(a, 3 * sizeof<T>());
    let c30 = v128.mul<T>(x, x00);
    let c31 = v128.mul<T>(x, x01);
    const x10 = v128.load(v, 32);
    const x11 = v128.load(v, 48);
    x = v128.load_splat<T>(a + fs, 2 * sizeof<T>());
    c20 = madd<T>(c20, x, x10);
    c21 = madd<T>(c21, x, x11);
    x = v128.load_splat<T>(a + fs, 3 * sizeof<T>());
    c30 = madd<T>(c30, x, x10);
    c31 = madd<T>(c31, x, x11);
    const x20 = v128.load(v, 64);
    const x21 = v128.load(v, 80);
    x = v128.load_splat<T>(a + 2 * fs, 3 * sizeof<T>());
    c30 = madd<T>(c30, x, x20);
    c31 = madd<T>(c31, x, x21);
    let c00 = v128.load(tile);
    let c01 = v128.load(tile, 16);
    if (pivot) {
      x = v128.load_splat<T>(pivot);
      c00 = madd<T>(c00, x, x00);
      c01 = madd<T>(c01, x, x01);
      x = v128.load_splat<T>(pivot, sizeof<T>());
      c10 = madd<T>(c10, x, x10);
      c11 = madd<T>(c11, x, x11);
      x = v128.load_splat<T>(pivot, 2 * sizeof<T>());
      c20 = madd<T>(c20, x, x20);
      c21 = madd<T>(c21, x, x21);
      x = v128.load_splat<T>(pivot, 3 * sizeof<T>());
      c30 = madd<T>(c30, x, v128.load(v, 96));
      c31 = madd<T>(c31, x, v128.load(v, 112));
      pivot += 4 * sizeof<T>();
    }
    c10 = v128.add<T>(c10, v128.load(tile, 32));
    c11 = v128.add<T>(c11, v128.load(tile, 48));
    c20 = v128.add<T>(c20, v128.load(tile, 64));
    c21 = v128.add<T>(c21, v128.load(tile, 80));
    c30 = v128.add<T>(c30, v128.load(tile, 96));
    c31 = v128.add<T>(c31, v128.load(tile, 112));
    v128.store(out + last * os, v128.mul<T>(c30, scale));
    v128.store(out + last * os, v128.mul<T>(c31, scale), 16);
    v128.store(out + i2 * os, v128.mul<T>(c20, scale));
    v128.store(out + i2 * os, v128.mul<T>(c21, scale), 16);
    v128.store(out + i1 * os, v128.mul<T>(c10, scale));
    v128.store(out + i1 * os, v128.mul<T>(c11, scale), 16);
    v128.store(out, v128.mul<T>(c00, scale));
    v128.store(out, v128.mul<T>(c01, scale), 16);
    f += 4 * sizeof<T>();
    out += 4 * os;
  }
}
