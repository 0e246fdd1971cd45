import { needsDivision } from "./chunk";
import { madd, nmadd, PANEL } from "./lanes";

/**
 * Y = (Λ_c + S)⁻¹ (B − F Z) for one panel of one chunk, by substitution four rows at a time, those in registers.
 * Y goes under Z, αY to `out`. `out` may be `b`. Strides in bytes; b's may be negative.
 *
 * f [r + rows, fs], r ≥ 1: F_cᵀ and under it Sᵀ, whose entries on and below the diagonal are not used; z [r + rows to
 * a multiple of 4, panel]: Z and under it Y. One loop then runs over both products. Columns of f past `rows`, to
 * a multiple of 4, are read and of no consequence. `pivot` holds 1/λ.
 */
export function solveRows<T>(
  rows: i32,
  f: usize,
  fs: usize,
  r: i32,
  z: usize,
  pivot: usize,
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
    let v0 = v128.load(z);
    let v1 = v128.load(z, 16);
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
    let a = f + fs;
    let v = z + PANEL;
    for (let k = r + i - 1; k > 0; k--) {
      v0 = v128.load(v);
      v1 = v128.load(v, 16);
      x = v128.load_splat<T>(a);
      c00 = madd<T>(c00, x, v0);
      c01 = madd<T>(c01, x, v1);
      x = v128.load_splat<T>(a, sizeof<T>());
      c10 = madd<T>(c10, x, v0);
      c11 = madd<T>(c11, x, v1);
      x = v128.load_splat<T>(a, 2 * sizeof<T>());
      c20 = madd<T>(c20, x, v0);
      c21 = madd<T>(c21, x, v1);
      x = v128.load_splat<T>(a, 3 * sizeof<T>());
      c30 = madd<T>(c30, x, v0);
      c31 = madd<T>(c31, x, v1);
      a += fs;
      v += PANEL;
    }
    // b minus the sum, once: a sum begun with a large b would round its small terms away
    c00 = v128.sub<T>(v128.load(b), c00);
    c01 = v128.sub<T>(v128.load(b, 16), c01);
    c10 = v128.sub<T>(v128.load(b + i1 * bs), c10);
    c11 = v128.sub<T>(v128.load(b + i1 * bs, 16), c11);
    c20 = v128.sub<T>(v128.load(b + i2 * bs), c20);
    c21 = v128.sub<T>(v128.load(b + i2 * bs, 16), c21);
    c30 = v128.sub<T>(v128.load(b + last * bs), c30);
    c31 = v128.sub<T>(v128.load(b + last * bs, 16), c31);
    // the 4×4 triangle; a and the rows after it are its columns
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

    // v has come to the tile's rows of Y
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
 * As solveRows, to the bit, one row at a time: for a chunk with a λ whose reciprocal would lose what b/λ keeps. Only
 * such rows are divided. λ_i is `ds` bytes after λ_{i−1}.
 */
export function divideRows<T>(
  rows: i32,
  f: usize,
  fs: usize,
  r: i32,
  z: usize,
  diag: usize,
  ds: usize,
  b: usize,
  bs: usize,
  out: usize,
  os: usize,
  alpha: T,
): void {
  const scale = v128.splat<T>(alpha);
  for (let i = 0; i < rows; i++) {
    const tile = r + (i & -4);
    let x = v128.load_splat<T>(f);
    let c0 = v128.mul<T>(x, v128.load(z));
    let c1 = v128.mul<T>(x, v128.load(z, 16));
    for (let k = 1; k < tile; k++) {
      x = v128.load_splat<T>(f + k * fs);
      c0 = madd<T>(c0, x, v128.load(z + k * PANEL));
      c1 = madd<T>(c1, x, v128.load(z + k * PANEL, 16));
    }
    c0 = v128.sub<T>(v128.load(b), c0);
    c1 = v128.sub<T>(v128.load(b, 16), c1);
    for (let k = tile; k < r + i; k++) {
      x = v128.load_splat<T>(f + k * fs);
      c0 = nmadd<T>(c0, x, v128.load(z + k * PANEL));
      c1 = nmadd<T>(c1, x, v128.load(z + k * PANEL, 16));
    }
    const lambda = load<T>(diag);
    if (needsDivision<T>(lambda)) {
      c0 = v128.div<T>(c0, v128.splat<T>(lambda));
      c1 = v128.div<T>(c1, v128.splat<T>(lambda));
    } else {
      c0 = v128.mul<T>(c0, v128.splat<T>(<T>1 / lambda));
      c1 = v128.mul<T>(c1, v128.splat<T>(<T>1 / lambda));
    }
    v128.store(z + (r + i) * PANEL, c0);
    v128.store(z + (r + i) * PANEL, c1, 16);
    v128.store(out, v128.mul<T>(c0, scale));
    v128.store(out, v128.mul<T>(c1, scale), 16);
    f += sizeof<T>();
    b += bs;
    out += os;
    diag += ds;
  }
}
