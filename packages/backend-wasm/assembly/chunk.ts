import { bytes, lanes, transposeSquare, width } from "./lanes";
import { product } from "./product";

/**
 * Transposes A [rows, r] into [r, ts bytes]. The columns past `rows`, up to whole vectors, repeat the last row of A.
 */
export function transpose<T>(a: usize, as: usize, rows: i32, r: i32, t: usize, ts: usize): void {
  const whole = bytes<T>(r & -lanes<T>());
  for (let i = 0; i < rows; i += lanes<T>()) {
    const last = min(rows - 1 - i, lanes<T>() - 1);
    const a1 = a + min(last, 1) * as;
    const a2 = a + min(last, 2) * as;
    const a3 = a + last * as;
    let to = t;
    for (let k: usize = 0; k < whole; k += 16) {
      transposeSquare<T>(a + k, a1 + k, a2 + k, a3 + k, to, ts);
      to += lanes<T>() * ts;
    }
    for (let k = whole; k < bytes<T>(r); k += sizeof<T>()) {
      store<T>(to, load<T>(a + k));
      store<T>(to, load<T>(a1 + k), sizeof<T>());
      if (sizeof<T>() == 4) {
        store<T>(to, load<T>(a2 + k), 2 * sizeof<T>());
        store<T>(to, load<T>(a3 + k), 3 * sizeof<T>());
      }
      to += ts;
    }
    a += lanes<T>() * as;
    t += 16;
  }
}

/**
 * Computes Sᵀ = G_c F_cᵀ from F_cᵀ [r, ts], tile by tile wherever a tile holds something above the diagonal. The rows
 * of Sᵀ are `ts` bytes apart.
 */
export function gram<T>(g: usize, fs: usize, rows: i32, ft: usize, r: i32, ts: usize, st: usize): void {
  for (let i = 0; i < rows; i += width<T>()) {
    const column = bytes<T>(i);
    product<T>(g, fs, min(i + width<T>(), rows), ft + column, ts, r, st + column, ts);
  }
}

/**
 * Tells whether λ or 1/λ is subnormal. A subnormal 1/λ has fewer bits than b/λ would have, so that b must then be
 * divided.
 */
export function needsDivision<T>(lambda: T): bool {
  const tiny: T = sizeof<T>() == 4 ? <T>1.1754943508222875e-38 : <T>2.2250738585072014e-308;
  const size = abs<T>(lambda);
  return (size < tiny && size > 0) || (size > 1 / tiny && size < <T>Infinity);
}

/**
 * Fills `pivot` with λ, or with 1/λ where `reciprocal` is set. Returns whether some row must be divided by λ instead
 * (needsDivision).
 */
export function pivots<T>(diag: usize, ds: usize, rows: i32, pivot: usize, reciprocal: bool): bool {
  let divide = false;
  for (let i = 0; i < rows; i++) {
    const lambda = load<T>(diag + i * ds);
    if (reciprocal && needsDivision<T>(lambda)) divide = true;
    store<T>(pivot + bytes<T>(i), reciprocal ? <T>1 / lambda : lambda);
  }
  return divide;
}
