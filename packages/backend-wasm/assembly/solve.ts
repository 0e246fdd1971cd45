import { needsDivision } from "./chunk";
import { PANEL } from "./lanes";

/**
 * Y = (Λ_c + S)⁻¹ (B − F Z) for one panel of one chunk, by substitution four rows at a time, those in registers.
 * Y goes to `y` [rows to a multiple of 4, panel], αY to `out`. `out` may be `b`. Strides in bytes; f's and b's
 * may be negative.
 *
 * f [rows, r], z [r, panel], s [rows to a multiple of 4, ≥ rows], its entries on and above the diagonal are not
 * used; `pivot` holds 1/λ.
 */
export function solveRows<T>(
  rows: i32,
  f: usize,
  fs: usize,
  z: usize,
  r: i32,
  s: usize,
  ss: usize,
  pivot: usize,
  y: usize,
  b: usize,
  bs: usize,
  out: usize,
  os: usize,
  alpha: T,
): void {
  const scale = v128.splat<T>(alpha);
  const y0 = y;
  for (let i = 0; i < rows; i += 4) {
    const last = min(rows - 1 - i, 3);
    const i1 = min(last, 1);
    const i2 = min(last, 2);
    let c00 = v128.splat<T>(0);
    let c01 = c00;
    let c10 = c00;
    let c11 = c00;
    let c20 = c00;
    let c21 = c00;
    let c30 = c00;
    let c31 = c00;
    let a0 = f;
    let a1 = f + i1 * fs;
    let a2 = f + i2 * fs;
    let a3 = f + last * fs;
    let v = z;
    for (let k = r; k > 0; k--) {
      const v0 = v128.load(v);
      const v1 = v128.load(v, 16);
      let x = v128.load_splat<T>(a0);
      c00 = v128.add<T>(c00, v128.mul<T>(x, v0));
      c01 = v128.add<T>(c01, v128.mul<T>(x, v1));
      x = v128.load_splat<T>(a1);
      c10 = v128.add<T>(c10, v128.mul<T>(x, v0));
      c11 = v128.add<T>(c11, v128.mul<T>(x, v1));
      x = v128.load_splat<T>(a2);
      c20 = v128.add<T>(c20, v128.mul<T>(x, v0));
      c21 = v128.add<T>(c21, v128.mul<T>(x, v1));
      x = v128.load_splat<T>(a3);
      c30 = v128.add<T>(c30, v128.mul<T>(x, v0));
      c31 = v128.add<T>(c31, v128.mul<T>(x, v1));
      a0 += sizeof<T>();
      a1 += sizeof<T>();
      a2 += sizeof<T>();
      a3 += sizeof<T>();
      v += PANEL;
    }
    a0 = s;
    a1 = s + ss;
    a2 = a1 + ss;
    a3 = a2 + ss;
    v = y0;
    for (let k = i; k > 0; k--) {
      const v0 = v128.load(v);
      const v1 = v128.load(v, 16);
      let x = v128.load_splat<T>(a0);
      c00 = v128.add<T>(c00, v128.mul<T>(x, v0));
      c01 = v128.add<T>(c01, v128.mul<T>(x, v1));
      x = v128.load_splat<T>(a1);
      c10 = v128.add<T>(c10, v128.mul<T>(x, v0));
      c11 = v128.add<T>(c11, v128.mul<T>(x, v1));
      x = v128.load_splat<T>(a2);
      c20 = v128.add<T>(c20, v128.mul<T>(x, v0));
      c21 = v128.add<T>(c21, v128.mul<T>(x, v1));
      x = v128.load_splat<T>(a3);
      c30 = v128.add<T>(c30, v128.mul<T>(x, v0));
      c31 = v128.add<T>(c31, v128.mul<T>(x, v1));
      a0 += sizeof<T>();
      a1 += sizeof<T>();
      a2 += sizeof<T>();
      a3 += sizeof<T>();
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
    // the 4×4 triangle; a0..a3 point at its columns
    let d = v128.load_splat<T>(pivot);
    c00 = v128.mul<T>(c00, d);
    c01 = v128.mul<T>(c01, d);
    d = v128.load_splat<T>(a1);
    c10 = v128.sub<T>(c10, v128.mul<T>(d, c00));
    c11 = v128.sub<T>(c11, v128.mul<T>(d, c01));
    d = v128.load_splat<T>(pivot, sizeof<T>());
    c10 = v128.mul<T>(c10, d);
    c11 = v128.mul<T>(c11, d);
    d = v128.load_splat<T>(a2);
    c20 = v128.sub<T>(c20, v128.mul<T>(d, c00));
    c21 = v128.sub<T>(c21, v128.mul<T>(d, c01));
    d = v128.load_splat<T>(a2, sizeof<T>());
    c20 = v128.sub<T>(c20, v128.mul<T>(d, c10));
    c21 = v128.sub<T>(c21, v128.mul<T>(d, c11));
    d = v128.load_splat<T>(pivot, 2 * sizeof<T>());
    c20 = v128.mul<T>(c20, d);
    c21 = v128.mul<T>(c21, d);
    d = v128.load_splat<T>(a3);
    c30 = v128.sub<T>(c30, v128.mul<T>(d, c00));
    c31 = v128.sub<T>(c31, v128.mul<T>(d, c01));
    d = v128.load_splat<T>(a3, sizeof<T>());
    c30 = v128.sub<T>(c30, v128.mul<T>(d, c10));
    c31 = v128.sub<T>(c31, v128.mul<T>(d, c11));
    d = v128.load_splat<T>(a3, 2 * sizeof<T>());
    c30 = v128.sub<T>(c30, v128.mul<T>(d, c20));
    c31 = v128.sub<T>(c31, v128.mul<T>(d, c21));
    d = v128.load_splat<T>(pivot, 3 * sizeof<T>());
    c30 = v128.mul<T>(c30, d);
    c31 = v128.mul<T>(c31, d);

    v128.store(y, c00);
    v128.store(y, c01, 16);
    v128.store(y, c10, 32);
    v128.store(y, c11, 48);
    v128.store(y, c20, 64);
    v128.store(y, c21, 80);
    v128.store(y, c30, 96);
    v128.store(y, c31, 112);
    v128.store(out + last * os, v128.mul<T>(c30, scale));
    v128.store(out + last * os, v128.mul<T>(c31, scale), 16);
    v128.store(out + i2 * os, v128.mul<T>(c20, scale));
    v128.store(out + i2 * os, v128.mul<T>(c21, scale), 16);
    v128.store(out + i1 * os, v128.mul<T>(c10, scale));
    v128.store(out + i1 * os, v128.mul<T>(c11, scale), 16);
    v128.store(out, v128.mul<T>(c00, scale));
    v128.store(out, v128.mul<T>(c01, scale), 16);
    f += 4 * fs;
    s += 4 * ss;
    b += 4 * bs;
    out += 4 * os;
    y += 4 * PANEL;
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
  z: usize,
  r: i32,
  s: usize,
  ss: usize,
  diag: usize,
  ds: usize,
  y: usize,
  b: usize,
  bs: usize,
  out: usize,
  os: usize,
  alpha: T,
): void {
  const scale = v128.splat<T>(alpha);
  for (let i = 0; i < rows; i++) {
    const tile = i & -4;
    let c0 = v128.splat<T>(0);
    let c1 = c0;
    for (let k = 0; k < r; k++) {
      const x = v128.load_splat<T>(f + k * sizeof<T>());
      c0 = v128.add<T>(c0, v128.mul<T>(x, v128.load(z + k * PANEL)));
      c1 = v128.add<T>(c1, v128.mul<T>(x, v128.load(z + k * PANEL, 16)));
    }
    for (let k = 0; k < tile; k++) {
      const x = v128.load_splat<T>(s + k * sizeof<T>());
      c0 = v128.add<T>(c0, v128.mul<T>(x, v128.load(y + k * PANEL)));
      c1 = v128.add<T>(c1, v128.mul<T>(x, v128.load(y + k * PANEL, 16)));
    }
    c0 = v128.sub<T>(v128.load(b), c0);
    c1 = v128.sub<T>(v128.load(b, 16), c1);
    for (let k = tile; k < i; k++) {
      const x = v128.load_splat<T>(s + k * sizeof<T>());
      c0 = v128.sub<T>(c0, v128.mul<T>(x, v128.load(y + k * PANEL)));
      c1 = v128.sub<T>(c1, v128.mul<T>(x, v128.load(y + k * PANEL, 16)));
    }
    const lambda = load<T>(diag);
    if (needsDivision<T>(lambda)) {
      c0 = v128.div<T>(c0, v128.splat<T>(lambda));
      c1 = v128.div<T>(c1, v128.splat<T>(lambda));
    } else {
      c0 = v128.mul<T>(c0, v128.splat<T>(<T>1 / lambda));
      c1 = v128.mul<T>(c1, v128.splat<T>(<T>1 / lambda));
    }
    v128.store(y + i * PANEL, c0);
    v128.store(y + i * PANEL, c1, 16);
    v128.store(out, v128.mul<T>(c0, scale));
    v128.store(out, v128.mul<T>(c1, scale), 16);
    f += fs;
    s += ss;
    b += bs;
    out += os;
    diag += ds;
  }
}
