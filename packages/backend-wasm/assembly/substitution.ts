import { bytes, lanes, lanesUpTo, PANEL, width } from "./lanes";
import { product } from "./product";

/**
 * Computes X = A⁻¹ for a lower triangular block of up to 16 rows, by substitution: x_i = (e_i − Σ_{k<i} a_ik x_k) / a_ii (reference
 * README, equation (11)). Whole vectors are written up to `cols`, a multiple of the lanes, with zeros above the diagonal. Products
 * are masked to the lanes j ≤ k: above the diagonal of X stands 0, and 0 · ∞ would be NaN. Strides are in bytes.
 */
export function substitute<T>(a: usize, as: usize, rows: i32, x: usize, xs: usize, cols: i32): void {
  for (let i = 0; i < rows; i++) {
    const xi = x + i * xs;
    const pivot = v128.load_splat<T>(a + i * as + bytes<T>(i));
    for (let j = 0; j < cols; j += lanes<T>()) {
      if (j > i) {
        v128.store(xi + bytes<T>(j), v128.splat<T>(0));
        continue;
      }
      let sum = v128.splat<T>(0);
      for (let k = j; k < i; k++) {
        const aik = v128.load_splat<T>(a + i * as + bytes<T>(k));
        const term = v128.mul<T>(aik, v128.load(x + k * xs + bytes<T>(j)));
        sum = v128.add<T>(sum, v128.and(term, lanesUpTo<T>(k - j)));
      }
      sum = v128.sub<T>(unit<T>(i - j), sum);
      v128.store(xi + bytes<T>(j), v128.and(v128.div<T>(sum, pivot), lanesUpTo<T>(i - j)));
    }
  }
}

/** Returns 1 in one lane and 0 in the others, or 0 in all where the vector has no such lane. */
function unit<T>(lane: i32): v128 {
  const upTo = v128.andnot(lanesUpTo<T>(lane), lanesUpTo<T>(lane - 1));
  return v128.and(v128.splat<T>(<T>1), upTo);
}

/**
 * Computes T = A X for the panel of X that begins at column j, with A [m, h], X [h, h] lower triangular and T [m, panel]. The triangle on
 * the panel's own rows is masked, so that no zero above the diagonal is multiplied; the rows before j are zeros and are left out.
 */
export function timesLower<T>(
  a: usize,
  as: usize,
  m: i32,
  x: usize,
  xs: usize,
  j: i32,
  h: i32,
  t: usize,
): void {
  const own = min(width<T>(), h - j);
  const corner = x + j * xs + bytes<T>(j);
  a += bytes<T>(j);
  product<T>(a + bytes<T>(own), as, m, corner + own * xs, xs, h - j - own, t, PANEL);
  for (let i = 0; i < m; i++) {
    let t0 = v128.splat<T>(0);
    let t1 = t0;
    for (let k = 0; k < own; k++) {
      const aik = v128.load_splat<T>(a + i * as + bytes<T>(k));
      const row = corner + k * xs;
      t0 = v128.add<T>(t0, v128.and(v128.mul<T>(aik, v128.load(row)), lanesUpTo<T>(k)));
      t1 = v128.add<T>(t1, v128.and(v128.mul<T>(aik, v128.load(row, 16)), lanesUpTo<T>(k - lanes<T>())));
    }
    const ti = t + i * PANEL;
    v128.store(ti, v128.add<T>(v128.load(ti), t0));
    v128.store(ti, v128.add<T>(v128.load(ti, 16), t1), 16);
  }
}
