import { PANEL } from "./lanes";

/**
 * α (λ x + S X + F Z) for one panel of one chunk, S strictly lower triangular. The tile, the operands and the rows
 * past the end are those of solveRows; `x` [rows to a multiple of 4, panel]; `pivot` holds λ, or is 0 for Λ = 0.
 */
export function applyRows<T>(
  rows: i32,
  f: usize,
  fs: usize,
  z: usize,
  r: i32,
  s: usize,
  ss: usize,
  pivot: usize,
  x: usize,
  out: usize,
  os: usize,
  alpha: T,
): void {
  const scale = v128.splat<T>(alpha);
  const x0 = x;
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
      let w = v128.load_splat<T>(a0);
      c00 = v128.add<T>(c00, v128.mul<T>(w, v0));
      c01 = v128.add<T>(c01, v128.mul<T>(w, v1));
      w = v128.load_splat<T>(a1);
      c10 = v128.add<T>(c10, v128.mul<T>(w, v0));
      c11 = v128.add<T>(c11, v128.mul<T>(w, v1));
      w = v128.load_splat<T>(a2);
      c20 = v128.add<T>(c20, v128.mul<T>(w, v0));
      c21 = v128.add<T>(c21, v128.mul<T>(w, v1));
      w = v128.load_splat<T>(a3);
      c30 = v128.add<T>(c30, v128.mul<T>(w, v0));
      c31 = v128.add<T>(c31, v128.mul<T>(w, v1));
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
    v = x0;
    for (let k = i; k > 0; k--) {
      const v0 = v128.load(v);
      const v1 = v128.load(v, 16);
      let w = v128.load_splat<T>(a0);
      c00 = v128.add<T>(c00, v128.mul<T>(w, v0));
      c01 = v128.add<T>(c01, v128.mul<T>(w, v1));
      w = v128.load_splat<T>(a1);
      c10 = v128.add<T>(c10, v128.mul<T>(w, v0));
      c11 = v128.add<T>(c11, v128.mul<T>(w, v1));
      w = v128.load_splat<T>(a2);
      c20 = v128.add<T>(c20, v128.mul<T>(w, v0));
      c21 = v128.add<T>(c21, v128.mul<T>(w, v1));
      w = v128.load_splat<T>(a3);
      c30 = v128.add<T>(c30, v128.mul<T>(w, v0));
      c31 = v128.add<T>(c31, v128.mul<T>(w, v1));
      a0 += sizeof<T>();
      a1 += sizeof<T>();
      a2 += sizeof<T>();
      a3 += sizeof<T>();
      v += PANEL;
    }
    // the 4×4 triangle; a1..a3 point at its columns
    const x00 = v128.load(x);
    const x01 = v128.load(x, 16);
    let d = v128.load_splat<T>(a1);
    c10 = v128.add<T>(c10, v128.mul<T>(d, x00));
    c11 = v128.add<T>(c11, v128.mul<T>(d, x01));
    d = v128.load_splat<T>(a2);
    c20 = v128.add<T>(c20, v128.mul<T>(d, x00));
    c21 = v128.add<T>(c21, v128.mul<T>(d, x01));
    d = v128.load_splat<T>(a3);
    c30 = v128.add<T>(c30, v128.mul<T>(d, x00));
    c31 = v128.add<T>(c31, v128.mul<T>(d, x01));
    const x10 = v128.load(x, 32);
    const x11 = v128.load(x, 48);
    d = v128.load_splat<T>(a2, sizeof<T>());
    c20 = v128.add<T>(c20, v128.mul<T>(d, x10));
    c21 = v128.add<T>(c21, v128.mul<T>(d, x11));
    d = v128.load_splat<T>(a3, sizeof<T>());
    c30 = v128.add<T>(c30, v128.mul<T>(d, x10));
    c31 = v128.add<T>(c31, v128.mul<T>(d, x11));
    const x20 = v128.load(x, 64);
    const x21 = v128.load(x, 80);
    d = v128.load_splat<T>(a3, 2 * sizeof<T>());
    c30 = v128.add<T>(c30, v128.mul<T>(d, x20));
    c31 = v128.add<T>(c31, v128.mul<T>(d, x21));
    if (pivot) {
      d = v128.load_splat<T>(pivot);
      c00 = v128.add<T>(c00, v128.mul<T>(d, x00));
      c01 = v128.add<T>(c01, v128.mul<T>(d, x01));
      d = v128.load_splat<T>(pivot, sizeof<T>());
      c10 = v128.add<T>(c10, v128.mul<T>(d, x10));
      c11 = v128.add<T>(c11, v128.mul<T>(d, x11));
      d = v128.load_splat<T>(pivot, 2 * sizeof<T>());
      c20 = v128.add<T>(c20, v128.mul<T>(d, x20));
      c21 = v128.add<T>(c21, v128.mul<T>(d, x21));
      d = v128.load_splat<T>(pivot, 3 * sizeof<T>());
      c30 = v128.add<T>(c30, v128.mul<T>(d, v128.load(x, 96)));
      c31 = v128.add<T>(c31, v128.mul<T>(d, v128.load(x, 112)));
      pivot += 4 * sizeof<T>();
    }
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
    out += 4 * os;
    x += 4 * PANEL;
  }
}
