import { needsDivision } from "./chunk";
import { bytes, nmadd, PANEL } from "./lanes";
import { sumTile } from "./sums";

/**
 * Solves one panel of one chunk: Y = (Λ_c + S)⁻¹ (B − F Z), by forward substitution, four rows at a time that are held
 * in registers. Y is stored under Z, and α Y in `out`, which may be the same place as `b`. Strides are in bytes; that
 * of `b` may be negative, for rows visited from the last to the first.
 *
 * `f` [r + rows, fs], r ≥ 1, holds F_cᵀ and under it Sᵀ, whose entries on and below the diagonal are never used. `z` [r
 * + rows, rounded up to a multiple of 4, panel] holds Z and under it Y. Since both pairs lie so, one function computes
 * F Z + S Y as one sum (sumTile, with blocks of `block` terms and `part` as scratch). Columns of `f` past `rows`, up to
 * a multiple of 4, are read but influence no result. `pivot` holds 1/λ.
 */
export function solveRows<T>(
  rows: i32,
  f: usize,
  fs: usize,
  r: i32,
  block: i32,
  z: usize,
  pivot: usize,
  part: usize,
  b: usize,
  bs: usize,
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
    sumTile<T>(f, fs, z, r, block, i, part, v);
    const a = f + <usize>(r + i) * fs;
    // The sum is complete before it is subtracted from b: a sum that began with a large b would round its small terms
    // away.
    let c00 = v128.sub<T>(v128.load(b), v128.load(v));
    let c01 = v128.sub<T>(v128.load(b, 16), v128.load(v, 16));
    let c10 = v128.sub<T>(v128.load(b + i1 * bs), v128.load(v, 32));
    let c11 = v128.sub<T>(v128.load(b + i1 * bs, 16), v128.load(v, 48));
    let c20 = v128.sub<T>(v128.load(b + i2 * bs), v128.load(v, 64));
    let c21 = v128.sub<T>(v128.load(b + i2 * bs, 16), v128.load(v, 80));
    let c30 = v128.sub<T>(v128.load(b + last * bs), v128.load(v, 96));
    let c31 = v128.sub<T>(v128.load(b + last * bs, 16), v128.load(v, 112));
    // The 4×4 triangle is solved in registers; `a` and the three rows after it are its columns.
    let d = v128.load_splat<T>(pivot);
    c00 = v128.mul<T>(c00, d);
    c01 = v128.mul<T>(c01, d);
    d = v128.load_splat<T>(a, sizeof<T>());
    c10 = nmadd<T>(c10, d, c00);
    c11 = nmadd<T>(c11, d, c01);
    d = v128.load_splat<T>(pivot, sizeof<T>());
    c10 = v128.mul<T>(c10, d);
    c11 = v128.mul<T>(c11, d);
    d = v128.load_splat<T>(a, 2 * sizeof<T>());
    c20 = nmadd<T>(c20, d, c00);
    c21 = nmadd<T>(c21, d, c01);
    d = v128.load_splat<T>(a + fs, 2 * sizeof<T>());
    c20 = nmadd<T>(c20, d, c10);
    c21 = nmadd<T>(c21, d, c11);
    d = v128.load_splat<T>(pivot, 2 * sizeof<T>());
    c20 = v128.mul<T>(c20, d);
    c21 = v128.mul<T>(c21, d);
    d = v128.load_splat<T>(a, 3 * sizeof<T>());
    c30 = nmadd<T>(c30, d, c00);
    c31 = nmadd<T>(c31, d, c01);
    d = v128.load_splat<T>(a + fs, 3 * sizeof<T>());
    c30 = nmadd<T>(c30, d, c10);
    c31 = nmadd<T>(c31, d, c11);
    d = v128.load_splat<T>(a + 2 * fs, 3 * sizeof<T>());
    c30 = nmadd<T>(c30, d, c20);
    c31 = nmadd<T>(c31, d, c21);
    d = v128.load_splat<T>(pivot, 3 * sizeof<T>());
    c30 = v128.mul<T>(c30, d);
    c31 = v128.mul<T>(c31, d);

    v128.store(v, c00);
    v128.store(v, c01, 16);
    v128.store(v, c10, 32);
    v128.store(v, c11, 48);
    v128.store(v, c20, 64);
    v128.store(v, c21, 80);
    v128.store(v, c30, 96);
    v128.store(v, c31, 112);
    v128.store(out + last * os, v128.mul<T>(c30, scale));
    v128.store(out + last * os, v128.mul<T>(c31, scale), 16);
    v128.store(out + i2 * os, v128.mul<T>(c20, scale));
    v128.store(out + i2 * os, v128.mul<T>(c21, scale), 16);
    v128.store(out + i1 * os, v128.mul<T>(c10, scale));
    v128.store(out + i1 * os, v128.mul<T>(c11, scale), 16);
    v128.store(out, v128.mul<T>(c00, scale));
    v128.store(out, v128.mul<T>(c01, scale), 16);
    f += 4 * sizeof<T>();
    b += 4 * bs;
    out += 4 * os;
    pivot += 4 * sizeof<T>();
  }
}

/**
 * Does what solveRows does, with the same bits, but one row at a time. It is for chunks in which some λ is so small or
 * so large that 1/λ is subnormal and has fewer bits than b/λ would have. Only the rows of such a λ are divided by it;
 * the others are multiplied by 1/λ. λ_i lies `ds` bytes after λ_{i−1}.
 */
export function divideRows<T>(
  rows: i32,
  f: usize,
  fs: usize,
  r: i32,
  block: i32,
  z: usize,
  diag: usize,
  ds: usize,
  part: usize,
  b: usize,
  bs: usize,
  out: usize,
  os: usize,
  alpha: T,
): void {
  const scale = v128.splat<T>(alpha);
  for (let i = 0; i < rows; i += 4) {
    const tile = z + <usize>(r + i) * PANEL;
    sumTile<T>(f + bytes<T>(i), fs, z, r, block, i, part, tile);
    for (let j = 0; j < min(4, rows - i); j++) {
      const y = tile + j * PANEL;
      let a = f + (r + i) * fs + bytes<T>(i + j);
      let c0 = v128.sub<T>(v128.load(b), v128.load(y));
      let c1 = v128.sub<T>(v128.load(b, 16), v128.load(y, 16));
      for (let v = tile; v < y; v += PANEL) {
        const x = v128.load_splat<T>(a);
        c0 = nmadd<T>(c0, x, v128.load(v));
        c1 = nmadd<T>(c1, x, v128.load(v, 16));
        a += fs;
      }
      const lambda = load<T>(diag);
      if (needsDivision<T>(lambda)) {
        c0 = v128.div<T>(c0, v128.splat<T>(lambda));
        c1 = v128.div<T>(c1, v128.splat<T>(lambda));
      } else {
        c0 = v128.mul<T>(c0, v128.splat<T>(<T>1 / lambda));
        c1 = v128.mul<T>(c1, v128.splat<T>(<T>1 / lambda));
      }
      v128.store(y, c0);
      v128.store(y, c1, 16);
      v128.store(out, v128.mul<T>(c0, scale));
      v128.store(out, v128.mul<T>(c1, scale), 16);
      b += bs;
      out += os;
      diag += ds;
    }
  }
}
