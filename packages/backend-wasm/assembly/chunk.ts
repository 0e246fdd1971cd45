import { bytes, lanes, transposeSquare, width } from "./lanes";
import { product } from "./product";

/** GT = G_cᵀ, [r, gs bytes]; columns past `rows`, up to whole vectors, repeat the last row of G. */
export function transpose<T>(g: usize, fs: usize, rows: i32, r: i32, gt: usize, gs: usize): void {
  const whole = bytes<T>(r & -lanes<T>());
  for (let i = 0; i < rows; i += lanes<T>()) {
    const last = min(rows - 1 - i, lanes<T>() - 1);
    const g1 = g + min(last, 1) * fs;
    const g2 = g + min(last, 2) * fs;
    const g3 = g + last * fs;
    let to = gt;
    for (let k: usize = 0; k < whole; k += 16) {
      transposeSquare<T>(g + k, g1 + k, g2 + k, g3 + k, to, gs);
      to += lanes<T>() * gs;
    }
    for (let k = whole; k < bytes<T>(r); k += sizeof<T>()) {
      store<T>(to, load<T>(g + k));
      store<T>(to, load<T>(g1 + k), sizeof<T>());
      if (sizeof<T>() == 4) {
        store<T>(to, load<T>(g2 + k), 2 * sizeof<T>());
        store<T>(to, load<T>(g3 + k), 3 * sizeof<T>());
      }
      to += gs;
    }
    g += lanes<T>() * fs;
    gt += 16;
  }
}

/** S = F_c G_cᵀ, wherever a tile holds something below the diagonal; rows gs bytes apart. */
export function gram<T>(f: usize, fs: usize, rows: i32, r: i32, gt: usize, gs: usize, s: usize): void {
  for (let j = 0; j < rows; j += width<T>()) {
    const column = bytes<T>(j);
    product<T>(0, f + j * fs, fs, rows - j, gt + column, gs, r, s + j * gs + column, gs);
  }
}

/** Whether λ or 1/λ is subnormal: then 1/λ loses what b/λ keeps. */
export function needsDivision<T>(lambda: T): bool {
  const tiny: T = sizeof<T>() == 4 ? <T>1.1754943508222875e-38 : <T>2.2250738585072014e-308;
  const size = abs<T>(lambda);
  return (size < tiny && size > 0) || (size > 1 / tiny && size < <T>Infinity);
}

/** Fills `pivot` with λ, or with 1/λ where `reciprocal`; returns whether some row is then to be divided by λ instead. */
export function pivots<T>(diag: usize, ds: usize, rows: i32, pivot: usize, reciprocal: bool): bool {
  let divide = false;
  for (let i = 0; i < rows; i++) {
    const lambda = load<T>(diag + i * ds);
    if (reciprocal && needsDivision<T>(lambda)) divide = true;
    store<T>(pivot + bytes<T>(i), reciprocal ? <T>1 / lambda : lambda);
  }
  return divide;
}
