import { Job, Operands } from "./job";
import { bytes, madd, PANEL, width } from "./lanes";
import { substitute, timesLower } from "./substitution";

/** The number of rows that are inverted by plain substitution. */
const BLOCK: i32 = 16;

/**
 * Computes out_b = a_b⁻¹ for the blocks [from, to) of the batch, by substitution (reference README, equation (11)). The scratch holds A
 * and X, both padded to [cp, cp] where cp is a multiple of 16, and T [16, panel].
 */
export function trilInverse<T>(job: Job, from: i32, to: i32, scratch: usize): void {
  const c = job.n;
  const cp = (c + BLOCK - 1) & -BLOCK;
  const stride = bytes<T>(cp);
  const size = bytes<T>(c);
  const given = job.operand(Operands.x);
  const out = job.operand(Operands.out);
  const a = scratch;
  const x = a + cp * stride;
  for (let b = from; b < to; b++) {
    copyLower<T>(given.entry(b), given.row, c, cp, a);
    invertBlock<T>(a, x, cp, x + cp * stride);
    let row = out.entry(b);
    for (let i = 0; i < c; i++) {
      memory.copy(row, x + i * stride, size);
      row += out.row;
    }
  }
}

/** Returns the bytes of scratch that one item takes. */
export function trilInverseBytes<T>(c: i32): f64 {
  const cp = <f64>((c + BLOCK - 1) & -BLOCK);
  return 2 * cp * cp * sizeof<T>() + BLOCK * PANEL;
}

/** Copies the lower triangle of a block, and writes the identity below it. */
function copyLower<T>(from: usize, fs: usize, c: i32, cp: i32, a: usize): void {
  const stride = bytes<T>(cp);
  memory.fill(a, 0, cp * stride);
  for (let i = 0; i < c; i++) memory.copy(a + i * stride, from + i * fs, bytes<T>(i + 1));
  for (let i = c; i < cp; i++) store<T>(a + i * stride + bytes<T>(i), <T>1);
}

/**
 * Block rows of 16 from the top: X_ii = A_ii⁻¹, X_ij = −A_ii⁻¹ Σ_{j≤k<i} A_ik X_kj, all by substitution. Merging halves
 * instead, X₂₁ = −X₂₂ A₂₁ X₁₁ up to 64, takes as many flops and left errors of 5 ε on correlated keys: it multiplies the
 * error of X₁₁ by |X₂₂||A₂₁|, where here every column solves A x = e with a small residual (1.5 ε).
 */
function invertBlock<T>(a: usize, x: usize, cp: i32, t: usize): void {
  const stride = bytes<T>(cp);
  memory.fill(x, 0, cp * stride);
  for (let i = 0; i < cp; i += BLOCK) {
    const row = i * stride;
    const diagonal = row + bytes<T>(i);
    substitute<T>(a + diagonal, stride, BLOCK, x + diagonal, stride, BLOCK);
    for (let j = 0; j < i; j += width<T>()) {
      timesLower<T>(a + row, stride, BLOCK, x, stride, j, i, t);
      minusSolved<T>(a + diagonal, stride, t, x + row + bytes<T>(j));
    }
  }
}

/** X = −A⁻¹ T for one triangle A of 16 rows and T [16, panel]. */
function minusSolved<T>(a: usize, stride: usize, t: usize, x: usize): void {
  for (let i = 0; i < BLOCK; i++) {
    const row = x + i * stride;
    // The terms are summed before T is added: a sum that began with a large T would round its small terms away.
    let c0 = v128.splat<T>(0);
    let c1 = c0;
    let xk = x;
    for (let k = 0; k < i; k++) {
      const w = v128.load_splat<T>(a + bytes<T>(k));
      c0 = madd<T>(c0, w, v128.load(xk));
      c1 = madd<T>(c1, w, v128.load(xk, 16));
      xk += stride;
    }
    c0 = v128.add<T>(v128.load(t + i * PANEL), c0);
    c1 = v128.add<T>(v128.load(t + i * PANEL, 16), c1);
    const pivot = v128.neg<T>(v128.load_splat<T>(a + bytes<T>(i)));
    v128.store(row, v128.div<T>(c0, pivot));
    v128.store(row, v128.div<T>(c1, pivot), 16);
    a += stride;
  }
}
