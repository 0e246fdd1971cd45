import { Job } from "./job";
import { bytes, PANEL, width } from "./lanes";
import { product } from "./product";
import { substitute, timesLower } from "./substitution";

/** Rows substituted before blocks are merged. */
const BLOCK: i32 = 16;

/** out_b = a_b⁻¹ for the blocks [from, to) of the batch. Scratch: A and X padded to [cp, cp], and T [cp, panel]. */
export function trilInverse<T>(job: Job, from: i32, to: i32, scratch: usize): void {
  const c = job.n;
  const cp = (c + BLOCK - 1) & -BLOCK;
  const stride = bytes<T>(cp);
  const size = bytes<T>(c);
  const a = scratch;
  const x = a + cp * stride;
  for (let b = from; b < to; b++) {
    const entry = <usize>b * c * size;
    copyLower<T>(job.x + entry, c, cp, a);
    invertBlock<T>(a, x, cp, x + cp * stride);
    for (let i = 0; i < c; i++) {
      const row = job.out + entry + i * size;
      memory.copy(row, x + i * stride, size);
    }
  }
}

/** Scratch of one item. */
export function trilInverseBytes<T>(c: i32): f64 {
  const cp = <f64>((c + BLOCK - 1) & -BLOCK);
  return 2 * cp * cp * sizeof<T>() + cp * PANEL;
}

/** The lower triangle of a block, and below it the identity. */
function copyLower<T>(from: usize, c: i32, cp: i32, a: usize): void {
  const stride = bytes<T>(cp);
  memory.fill(a, 0, cp * stride);
  for (let i = 0; i < c; i++) memory.copy(a + i * stride, from + i * bytes<T>(c), bytes<T>(i + 1));
  for (let i = c; i < cp; i++) store<T>(a + i * stride + bytes<T>(i), <T>1);
}

/** 16×16 blocks on the diagonal by substitution, then pairs merged: 16 → 32 → 64 → 128. */
function invertBlock<T>(a: usize, x: usize, cp: i32, t: usize): void {
  const stride = bytes<T>(cp);
  memory.fill(x, 0, cp * stride);
  for (let d = 0; d < cp; d += BLOCK) {
    const at = d * stride + bytes<T>(d);
    substitute<T>(a + at, stride, BLOCK, x + at, stride, BLOCK);
  }
  for (let h = BLOCK; h < cp; h *= 2) {
    for (let d = 0; d + h < cp; d += 2 * h) merge<T>(a, x, stride, d, h, min(h, cp - d - h), t);
  }
}

/** X₂₁ = −X₂₂ (A₂₁ X₁₁), X₁₁ h×h at d, X₂₂ m×m after it. */
function merge<T>(a: usize, x: usize, stride: usize, d: i32, h: i32, m: i32, t: usize): void {
  const at = d * stride + bytes<T>(d);
  const below = at + h * stride;
  for (let j = 0; j < h; j += width<T>()) {
    timesLower<T>(a + below, stride, m, x + at, stride, j, h, t);
    lowerTimes<T>(x + below + bytes<T>(h), stride, m, t, x + below + bytes<T>(j));
  }
}

/** out = −X₂₂ T, the triangle of each four rows apart so that no zero of X₂₂ is multiplied. */
function lowerTimes<T>(x: usize, stride: usize, m: i32, t: usize, out: usize): void {
  for (let i = 0; i < m; i += 4) {
    product<T>(0, x + i * stride, stride, 4, t, PANEL, i, out + i * stride, stride);
    for (let e = i; e < i + 4; e++) {
      const row = out + e * stride;
      let c0 = v128.load(row);
      let c1 = v128.load(row, 16);
      for (let k = i; k <= e; k++) {
        const w = v128.load_splat<T>(x + e * stride + bytes<T>(k));
        c0 = v128.add<T>(c0, v128.mul<T>(w, v128.load(t + k * PANEL)));
        c1 = v128.add<T>(c1, v128.mul<T>(w, v128.load(t + k * PANEL, 16)));
      }
      v128.store(row, v128.neg<T>(c0));
      v128.store(row, v128.neg<T>(c1), 16);
    }
  }
}
