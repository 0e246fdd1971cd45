import { madd } from "./lanes";

/**
 * out = init + A B for one panel: A [rows, depth], B [depth, panel]; init = 0: A B. The sum comes first and is added
 * once, so that a long sum is rounded block by block. Strides in bytes, that of init is out's. Rows of the last tile beyond `rows` repeat the last row and are overwritten by it, so nothing
 * outside `out` is written and nothing outside A read.
 */
export function product<T>(
  init: usize,
  a: usize,
  as: usize,
  rows: i32,
  b: usize,
  bs: usize,
  depth: i32,
  out: usize,
  os: usize,
): void {
  for (; rows > 0; rows -= 4) {
    const last = min(rows - 1, 3);
    const i1 = min(last, 1);
    const i2 = min(last, 2);
    let a0 = a;
    let a1 = a + i1 * as;
    let a2 = a + i2 * as;
    let a3 = a + last * as;
    let c00 = v128.splat<T>(0);
    let c01 = c00;
    let c10 = c00;
    let c11 = c00;
    let c20 = c00;
    let c21 = c00;
    let c30 = c00;
    let c31 = c00;
    let bk = b;
    for (let k = depth; k > 0; k--) {
      const b0 = v128.load(bk);
      const b1 = v128.load(bk, 16);
      let x = v128.load_splat<T>(a0);
      c00 = madd<T>(c00, x, b0);
      c01 = madd<T>(c01, x, b1);
      x = v128.load_splat<T>(a1);
      c10 = madd<T>(c10, x, b0);
      c11 = madd<T>(c11, x, b1);
      x = v128.load_splat<T>(a2);
      c20 = madd<T>(c20, x, b0);
      c21 = madd<T>(c21, x, b1);
      x = v128.load_splat<T>(a3);
      c30 = madd<T>(c30, x, b0);
      c31 = madd<T>(c31, x, b1);
      a0 += sizeof<T>();
      a1 += sizeof<T>();
      a2 += sizeof<T>();
      a3 += sizeof<T>();
      bk += bs;
    }
    if (init) {
      c00 = v128.add<T>(c00, v128.load(init));
      c01 = v128.add<T>(c01, v128.load(init, 16));
      c10 = v128.add<T>(c10, v128.load(init + i1 * os));
      c11 = v128.add<T>(c11, v128.load(init + i1 * os, 16));
      c20 = v128.add<T>(c20, v128.load(init + i2 * os));
      c21 = v128.add<T>(c21, v128.load(init + i2 * os, 16));
      c30 = v128.add<T>(c30, v128.load(init + last * os));
      c31 = v128.add<T>(c31, v128.load(init + last * os, 16));
      init += 4 * os;
    }
    v128.store(out + last * os, c30);
    v128.store(out + last * os, c31, 16);
    v128.store(out + i2 * os, c20);
    v128.store(out + i2 * os, c21, 16);
    v128.store(out + i1 * os, c10);
    v128.store(out + i1 * os, c11, 16);
    v128.store(out, c00);
    v128.store(out, c01, 16);
    a += 4 * as;
    out += 4 * os;
  }
}

/** out = init + A B with the depth summed in blocks of 16: smaller errors for deep products. */
export function blockedProduct<T>(
  init: usize,
  a: usize,
  as: usize,
  rows: i32,
  b: usize,
  bs: usize,
  depth: i32,
  out: usize,
  os: usize,
): void {
  for (let k = 0; k == 0 || k < depth; k += 16) {
    product<T>(k ? out : init, a + k * sizeof<T>(), as, rows, b + k * bs, bs, min(depth - k, 16), out, os);
  }
}
