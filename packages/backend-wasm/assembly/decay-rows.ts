import { ownScratch, pairs, rankStride, writeRows } from "./decay";
import { exp, expPair, grid, limit } from "./exp";
import { bytes, lanes } from "./lanes";
import { Sweep } from "./sweep";

/**
 * A chunk whose rows decay by one factor each: multiplies Sᵀ, as `gram` left it, by what decays between its rows, F_cᵀ by what Z
 * decays until each row, and copies G_c multiplied by what each row decays until the chunk's end. With C the sums of gaps
 * in the order visited, row v reads after the gaps s_v = C_v, or in the transpose s_v = C_{v−1}, and
 *
 *   Sᵀ_wv ∘= exp(s_v − s_w),   F_v ∘= exp(s_v),   G_w ∘= exp(C_last − s_w),   Z decays by exp(C_last)
 */
export function decayRows<T>(sweep: Sweep, l: i32, rows: i32): void {
  const size = sweep.ts + bytes<T>(4);
  const high = ownScratch<T>(sweep);
  const low = high + size;
  const up = low + size;
  const down = up + size;
  sumGaps<T>(sweep, l, rows, high, low);
  const endHigh = v128.load_splat<T>(high + bytes<T>(rows));
  const endLow = v128.load_splat<T>(low + bytes<T>(rows));
  const width = bytes<T>(rows);
  for (let v: usize = 0; v < width; v += 16) {
    const h = v128.load(high + v);
    const lo = v128.load(low + v);
    v128.store(up + v, exp<T>(h, lo));
    v128.store(down + v, exp<T>(v128.sub<T>(endHigh, h), v128.sub<T>(endLow, lo)));
  }
  decayCouplings<T>(sweep, rows, high, low);
  scaleColumns<T>(sweep.ft, sweep.ts, sweep.r, width, up);
  copyScaled<T>(sweep.g + l * sweep.gs, sweep.gs, rows, sweep.r, down, writeRows(sweep));
  const s = pairs<T>(sweep);
  const stride = rankStride<T>(sweep.r);
  for (let m: usize = 0; m < stride; m += 16) expPair<T>(endHigh, endLow, s + m, s + stride + m);
}

/** s_v of every row in two parts, and after the last row C_last; then once more, up to whole vectors. */
function sumGaps<T>(sweep: Sweep, l: i32, rows: i32, high: usize, low: usize): void {
  let gap = sweep.gap + l * sweep.ps;
  let h: T = 0;
  let lo: T = 0;
  for (let v = 0; v < rows; v++) {
    const g = max<T>(min<T>(load<T>(gap), limit<T>()), -limit<T>());
    const part = nearest<T>(g * grid<T>()) / grid<T>();
    const at = bytes<T>(v);
    if (sweep.gapAfter) {
      store<T>(high + at, h);
      store<T>(low + at, lo);
    }
    h += part;
    lo += g - part;
    if (!sweep.gapAfter) {
      store<T>(high + at, h);
      store<T>(low + at, lo);
    }
    gap += sweep.ps;
  }
  for (let v = rows; v < rows + 4; v++) {
    store<T>(high + bytes<T>(v), h);
    store<T>(low + bytes<T>(v), lo);
  }
}

/** Sᵀ_wv ∘= exp(s_v − s_w) for v > w, and something else for the rest, which nobody reads. */
function decayCouplings<T>(sweep: Sweep, rows: i32, high: usize, low: usize): void {
  let row = sweep.ft + sweep.depth * sweep.ts;
  const end = bytes<T>(rows);
  for (let w = 0; w < rows - 1; w++) {
    const h = v128.load_splat<T>(high + bytes<T>(w));
    const lo = v128.load_splat<T>(low + bytes<T>(w));
    for (let v = bytes<T>((w + 1) & -lanes<T>()); v < end; v += 16) {
      const factor = exp<T>(v128.sub<T>(v128.load(high + v), h), v128.sub<T>(v128.load(low + v), lo));
      v128.store(row + v, v128.mul<T>(v128.load(row + v), factor));
    }
    row += sweep.ts;
  }
}

/** Multiplies the columns of a matrix of `r` rows by factors. */
function scaleColumns<T>(a: usize, as: usize, r: i32, length: usize, factors: usize): void {
  for (; r > 0; r--) {
    for (let v: usize = 0; v < length; v += 16) {
      v128.store(a + v, v128.mul<T>(v128.load(a + v), v128.load(factors + v)));
    }
    a += as;
  }
}

/** Copies rows of r elements, each multiplied by its factor, to rows of whole vectors. */
function copyScaled<T>(from: usize, fs: usize, rows: i32, r: i32, factors: usize, to: usize): void {
  const whole = bytes<T>(r & -lanes<T>());
  const length = bytes<T>(r);
  for (; rows > 0; rows--) {
    const factor = v128.load_splat<T>(factors);
    for (let m: usize = 0; m < whole; m += 16) v128.store(to + m, v128.mul<T>(factor, v128.load(from + m)));
    for (let m = whole; m < length; m += sizeof<T>()) store<T>(to + m, load<T>(factors) * load<T>(from + m));
    factors += sizeof<T>();
    from += fs;
    to += rankStride<T>(r);
  }
}
