import { Delta } from "./delta";
import { bytes, madd, nmadd, PANEL } from "./lanes";
import { sumTile } from "./sums";

// Equation (29) of the reference README for one panel of one chunk, U = (I + S)⁻¹ (W − P̃ Z) and O = s (Q̃ Z + M U). It is the tile of
// solve (sums.ts) twice for every four rows: once with the four columns of P in f, and once with those of Q, while the panel of Z is in the
// first-level cache. Four rows are solved for in registers between the two, because Q reads its own row of U too.

/**
 * Computes U = W − e ∘ (S U + P̃ Z) and α (M U + Q̃ Z), four rows at a time. In memory W lies under Z, and U takes its place. α O goes to
 * `out`; where `out` is 0 it is left out.
 */
export function deltaPanel<T>(delta: Delta, rows: i32, z: usize, out: usize, os: usize): void {
  const depth = delta.depth;
  const fs = delta.fs;
  const block = delta.block;
  const tile = delta.sum;
  const part = tile + 4 * PANEL;
  let f = delta.f;
  for (let i = 0; i < rows; i += 4) {
    const u = z + <usize>(depth + i) * PANEL;
    const a = f + <usize>(depth + i) * fs;
    sumTile<T>(f, fs, z, depth, block, i, part, tile);
    correct<T>(u, tile, a, fs, delta.erase + bytes<T>(i));
    if (out) {
      sumTile<T>(f + bytes<T>(4), fs, z, depth, block, i, part, tile);
      readRows<T>(u, tile, a + bytes<T>(4), fs, min(rows - 1 - i, 3), <T>delta.scale, out, os);
      out += 4 * os;
    }
    f += delta.tiles;
  }
}

/**
 * Turns four rows of W into U, in place. `tile` holds what they read of Z and of earlier rows; `a` and the three rows after it are the columns
 * of the 4×4 triangle of S.
 */
function correct<T>(u: usize, tile: usize, a: usize, fs: usize, erase: usize): void {
  const e0 = v128.load_splat<T>(erase);
  const c00 = nmadd<T>(v128.load(u), e0, v128.load(tile));
  const c01 = nmadd<T>(v128.load(u, 16), e0, v128.load(tile, 16));
  let d = v128.load_splat<T>(a, sizeof<T>());
  let s0 = madd<T>(v128.load(tile, 32), d, c00);
  let s1 = madd<T>(v128.load(tile, 48), d, c01);
  const e1 = v128.load_splat<T>(erase, sizeof<T>());
  const c10 = nmadd<T>(v128.load(u, 32), e1, s0);
  const c11 = nmadd<T>(v128.load(u, 48), e1, s1);
  d = v128.load_splat<T>(a, 2 * sizeof<T>());
  s0 = madd<T>(v128.load(tile, 64), d, c00);
  s1 = madd<T>(v128.load(tile, 80), d, c01);
  d = v128.load_splat<T>(a + fs, 2 * sizeof<T>());
  s0 = madd<T>(s0, d, c10);
  s1 = madd<T>(s1, d, c11);
  const e2 = v128.load_splat<T>(erase, 2 * sizeof<T>());
  const c20 = nmadd<T>(v128.load(u, 64), e2, s0);
  const c21 = nmadd<T>(v128.load(u, 80), e2, s1);
  d = v128.load_splat<T>(a, 3 * sizeof<T>());
  s0 = madd<T>(v128.load(tile, 96), d, c00);
  s1 = madd<T>(v128.load(tile, 112), d, c01);
  d = v128.load_splat<T>(a + fs, 3 * sizeof<T>());
  s0 = madd<T>(s0, d, c10);
  s1 = madd<T>(s1, d, c11);
  d = v128.load_splat<T>(a + 2 * fs, 3 * sizeof<T>());
  s0 = madd<T>(s0, d, c20);
  s1 = madd<T>(s1, d, c21);
  const e3 = v128.load_splat<T>(erase, 3 * sizeof<T>());
  v128.store(u, nmadd<T>(v128.load(u, 96), e3, s0), 96);
  v128.store(u, nmadd<T>(v128.load(u, 112), e3, s1), 112);
  v128.store(u, c00);
  v128.store(u, c01, 16);
  v128.store(u, c10, 32);
  v128.store(u, c11, 48);
  v128.store(u, c20, 64);
  v128.store(u, c21, 80);
}

/**
 * Writes α times what four rows of Q read: the sums in `tile`, and the triangle of M at `a`, its diagonal included, times their own rows of
 * U. `last` is the number of the last row that exists.
 */
function readRows<T>(
  u: usize,
  tile: usize,
  a: usize,
  fs: usize,
  last: i32,
  alpha: T,
  out: usize,
  os: usize,
): void {
  const scale = v128.splat<T>(alpha);
  const o1 = out + min(last, 1) * os;
  const o2 = out + min(last, 2) * os;
  const o3 = out + last * os;
  let u0 = v128.load(u);
  let u1 = v128.load(u, 16);
  let x = v128.load_splat<T>(a);
  const c00 = v128.mul<T>(x, u0);
  const c01 = v128.mul<T>(x, u1);
  x = v128.load_splat<T>(a, sizeof<T>());
  let c10 = v128.mul<T>(x, u0);
  let c11 = v128.mul<T>(x, u1);
  x = v128.load_splat<T>(a, 2 * sizeof<T>());
  let c20 = v128.mul<T>(x, u0);
  let c21 = v128.mul<T>(x, u1);
  x = v128.load_splat<T>(a, 3 * sizeof<T>());
  let c30 = v128.mul<T>(x, u0);
  let c31 = v128.mul<T>(x, u1);
  a += fs;
  u0 = v128.load(u, 32);
  u1 = v128.load(u, 48);
  x = v128.load_splat<T>(a, sizeof<T>());
  c10 = madd<T>(c10, x, u0);
  c11 = madd<T>(c11, x, u1);
  x = v128.load_splat<T>(a, 2 * sizeof<T>());
  c20 = madd<T>(c20, x, u0);
  c21 = madd<T>(c21, x, u1);
  x = v128.load_splat<T>(a, 3 * sizeof<T>());
  c30 = madd<T>(c30, x, u0);
  c31 = madd<T>(c31, x, u1);
  a += fs;
  u0 = v128.load(u, 64);
  u1 = v128.load(u, 80);
  x = v128.load_splat<T>(a, 2 * sizeof<T>());
  c20 = madd<T>(c20, x, u0);
  c21 = madd<T>(c21, x, u1);
  x = v128.load_splat<T>(a, 3 * sizeof<T>());
  c30 = madd<T>(c30, x, u0);
  c31 = madd<T>(c31, x, u1);
  x = v128.load_splat<T>(a + fs, 3 * sizeof<T>());
  c30 = madd<T>(c30, x, v128.load(u, 96));
  c31 = madd<T>(c31, x, v128.load(u, 112));
  // A row that does not exist is written to the place of the last one that does, before that one.
  v128.store(o3, v128.mul<T>(scale, v128.add<T>(c30, v128.load(tile, 96))));
  v128.store(o3, v128.mul<T>(scale, v128.add<T>(c31, v128.load(tile, 112))), 16);
  v128.store(o2, v128.mul<T>(scale, v128.add<T>(c20, v128.load(tile, 64))));
  v128.store(o2, v128.mul<T>(scale, v128.add<T>(c21, v128.load(tile, 80))), 16);
  v128.store(o1, v128.mul<T>(scale, v128.add<T>(c10, v128.load(tile, 32))));
  v128.store(o1, v128.mul<T>(scale, v128.add<T>(c11, v128.load(tile, 48))), 16);
  v128.store(out, v128.mul<T>(scale, v128.add<T>(c00, v128.load(tile))));
  v128.store(out, v128.mul<T>(scale, v128.add<T>(c01, v128.load(tile, 16))), 16);
}
