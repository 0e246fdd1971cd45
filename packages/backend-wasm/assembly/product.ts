import { madd, PANEL } from "./lanes";
import { blockOf } from "./sums";

/**
 * Computes out = A B for one panel: A [rows, depth], B [depth, panel]. The depth is summed in blocks of 16, which `out`
 * gathers. Strides are in bytes. Rows of the last tile beyond `rows` repeat the last row and are overwritten by it, so
 * that nothing outside `out` is written and nothing outside A is read.
 */
export function product<T>(
  a: usize,
  as: usize,
  rows: i32,
  b: usize,
  bs: usize,
  depth: i32,
  out: usize,
  os: usize,
): void {
  if (depth == 0) {
    for (; rows > 0; rows--) {
      memory.fill(out, 0, PANEL);
      out += os;
    }
    return;
  }
  for (; rows > 0; rows -= 4) {
    const last = min(rows - 1, 3);
    const a1 = min(last, 1) * as;
    const a2 = min(last, 2) * as;
    const o1 = out + min(last, 1) * os;
    const o2 = out + min(last, 2) * os;
    const o3 = out + last * os;
    productTile<T>(a, a + a1, a + a2, a + last * as, b, bs, depth, out, o1, o2, o3);
    a += 4 * as;
    out += 4 * os;
  }
}

/** Computes four rows of a product: row a_i of A makes row o_i of the panel. Two of them may be the same. depth ≥ 1. */
function productTile<T>(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  b: usize,
  bs: usize,
  depth: i32,
  o0: usize,
  o1: usize,
  o2: usize,
  o3: usize,
): void {
  const block = blockOf(depth);
  let started = false;
  do {
    const k = min(depth, block);
    const end = b + k * bs;
    depth -= k;
    let b0 = v128.load(b);
    let b1 = v128.load(b, 16);
    let x = v128.load_splat<T>(a0);
    let c00 = v128.mul<T>(x, b0);
    let c01 = v128.mul<T>(x, b1);
    x = v128.load_splat<T>(a1);
    let c10 = v128.mul<T>(x, b0);
    let c11 = v128.mul<T>(x, b1);
    x = v128.load_splat<T>(a2);
    let c20 = v128.mul<T>(x, b0);
    let c21 = v128.mul<T>(x, b1);
    x = v128.load_splat<T>(a3);
    let c30 = v128.mul<T>(x, b0);
    let c31 = v128.mul<T>(x, b1);
    a0 += sizeof<T>();
    a1 += sizeof<T>();
    a2 += sizeof<T>();
    a3 += sizeof<T>();
    b += bs;
    if (b != end) {
      do {
        b0 = v128.load(b);
        b1 = v128.load(b, 16);
        x = v128.load_splat<T>(a0);
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
        b += bs;
      } while (b != end);
    }
    if (started) {
      c00 = v128.add<T>(c00, v128.load(o0));
      c01 = v128.add<T>(c01, v128.load(o0, 16));
      c10 = v128.add<T>(c10, v128.load(o1));
      c11 = v128.add<T>(c11, v128.load(o1, 16));
      c20 = v128.add<T>(c20, v128.load(o2));
      c21 = v128.add<T>(c21, v128.load(o2, 16));
      c30 = v128.add<T>(c30, v128.load(o3));
      c31 = v128.add<T>(c31, v128.load(o3, 16));
    }
    started = true;
    v128.store(o3, c30);
    v128.store(o3, c31, 16);
    v128.store(o2, c20);
    v128.store(o2, c21, 16);
    v128.store(o1, c10);
    v128.store(o1, c11, 16);
    v128.store(o0, c00);
    v128.store(o0, c01, 16);
  } while (depth > 0);
}
