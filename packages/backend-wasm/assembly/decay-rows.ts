import { ownScratch, pairs, decayedRows } from "./decay-scratch";
import { rankStride } from "./decay-layout";
import { exp, expPair, highPart, limited } from "./exp";
import { bytes, lanes } from "./lanes";
import { Sweep } from "./sweep";

/**
 * Lets a chunk decay whose rows have one factor each (reference README, section 3). Sᵀ, as `gram` left it, is multiplied by what decays
 * between its rows, F_cᵀ by what Z decays until each row reads it, and G_c is copied, multiplied by what each row decays until the chunk's
 * end. Let C be the sums of gaps in the order in which rows are visited. Row v reads after the gaps s_v = C_v, or for Tᵀ after s_v = C_{v−1}, and
 *
 *   Sᵀ_wv ∘= exp(s_v − s_w),   F_v ∘= exp(s_v),   G_w ∘= exp(C_last − s_w),   Z decays by exp(C_last)
 */
export function decayRows<T>(sweep: Sweep, l: i32, rows: i32): void {
  const size = sweep.ts + 16;
  const high = ownScratch<T>(sweep);
  const low = high + size;
  const up = low + size;
  const down = up + size;
  sumGaps<T>(sweep.gap + l * sweep.ps, sweep.ps, rows, sweep.gapAfter, high, low);
  const s = pairs<T>(sweep);
  const length = rowFactors<T>(rows, high, low, up, down, s, s + rankStride<T>(sweep.r));
  const st = sweep.ft + sweep.depth * sweep.ts;
  for (let v: usize = 0; v < length; v += 16) decayCouplings<T>(st + v, sweep.ts, 0, v, high, low, 0);
  scaleColumns<T>(sweep.ft, sweep.ts, sweep.r, length, up);
  copyScaled<T>(sweep.g + l * sweep.gs, sweep.gs, rows, sweep.r, down, decayedRows(sweep));
}

/**
 * Computes factors from the sums that sumGaps left: at `up` what Z decays until each row, at `down` what each row
 * decays until the chunk's end, and at s and e what Z decays over the chunk. Returns the bytes that the rows take, up
 * to whole vectors.
 */
export function rowFactors<T>(
  rows: i32,
  high: usize,
  low: usize,
  up: usize,
  down: usize,
  s: usize,
  e: usize,
): usize {
  const length = bytes<T>((rows + lanes<T>() - 1) & -lanes<T>());
  const endHigh = v128.load_splat<T>(high + length);
  const endLow = v128.load_splat<T>(low + length);
  for (let v: usize = 0; v < length; v += 16) {
    const h = v128.load(high + v);
    const lo = v128.load(low + v);
    v128.store(up + v, exp<T>(h, lo));
    v128.store(down + v, exp<T>(v128.sub<T>(endHigh, h), v128.sub<T>(endLow, lo)));
  }
  expPair<T>(endHigh, endLow, s, e);
  return length;
}

/** Returns the elements moved up by `count` lanes, with zeros coming in. */
function shifted<T>(x: v128, count: i32): v128 {
  const zero = v128.splat<T>(0);
  if (sizeof<T>() == 8) return v128.shuffle<f64>(zero, x, 0, 2);
  return count == 1 ? v128.shuffle<f32>(zero, x, 0, 4, 5, 6) : v128.shuffle<f32>(zero, x, 0, 1, 4, 5);
}

/** Returns the sum of each element and all before it. */
function prefixSums<T>(x: v128): v128 {
  x = v128.add<T>(x, shifted<T>(x, 1));
  return sizeof<T>() == 4 ? v128.add<T>(x, shifted<T>(x, 2)) : x;
}

/** Returns the last element in all lanes. */
function lastOf<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? v128.shuffle<f64>(x, x, 1, 1) : v128.shuffle<f32>(x, x, 3, 3, 3, 3);
}

/** Loads one vector of gaps, with 0 after the last row. */
function loadGaps<T>(gap: usize, ps: usize, rows: i32): v128 {
  let g = v128.splat<T>(0);
  g = v128.replace_lane<T>(g, 0, load<T>(gap));
  if (rows > 1) g = v128.replace_lane<T>(g, 1, load<T>(gap + ps));
  if (sizeof<T>() == 4) {
    if (rows > 2) g = v128.replace_lane<T>(g, 2, load<T>(gap + 2 * ps));
    if (rows > 3) g = v128.replace_lane<T>(g, 3, load<T>(gap + 3 * ps));
  }
  return g;
}

/**
 * Writes s_v of every row in two parts, high and low, up to whole vectors, and after them C_last in a vector. The gaps lie `ps` bytes apart.
 * With `after` a gap comes after its row is visited, and otherwise before.
 */
export function sumGaps<T>(gap: usize, ps: usize, rows: i32, after: bool, high: usize, low: usize): void {
  let h = v128.splat<T>(0);
  let lo = h;
  for (; rows > 0; rows -= lanes<T>()) {
    const g = limited<T>(loadGaps<T>(gap, ps, rows));
    const part = highPart<T>(g);
    const rest = v128.sub<T>(g, part);
    const highSums = prefixSums<T>(part);
    const lowSums = prefixSums<T>(rest);
    v128.store(high, v128.add<T>(h, after ? shifted<T>(highSums, 1) : highSums));
    v128.store(low, v128.add<T>(lo, after ? shifted<T>(lowSums, 1) : lowSums));
    h = v128.add<T>(h, lastOf<T>(highSums));
    lo = v128.add<T>(lo, lastOf<T>(lowSums));
    gap += lanes<T>() * ps;
    high += 16;
    low += 16;
  }
  v128.store(high, h);
  v128.store(low, lo);
}

/**
 * Multiplies Sᵀ_wv by exp(s_v − s_w) for the vector of rows v at byte `at` and all w < v. What lies on and below the diagonal becomes
 * something that nobody reads, except that the last row w of the vector is left as it is. This vector of Sᵀ begins at `column`, with rows w
 * `ts` bytes apart. A second matrix that decays alike may lie `twin` bytes after it; where `twin` is 0 there is none. Where rows v read before
 * they decay, their sums are taken `back` bytes before.
 *
 * For the rows w of earlier vectors the factor is a product of two: what decays from w until the row before this vector, and from there until
 * v. Both are at most 1, so neither vanishes before the product does, and a vector of exponentials serves four rows.
 */
export function decayCouplings<T>(
  column: usize,
  ts: usize,
  twin: usize,
  at: usize,
  high: usize,
  low: usize,
  back: usize,
): void {
  const h = v128.load(high + at - back);
  const lo = v128.load(low + at - back);
  if (at > 0) {
    const beforeHigh = v128.load_splat<T>(high + at - sizeof<T>());
    const beforeLow = v128.load_splat<T>(low + at - sizeof<T>());
    const after = exp<T>(v128.sub<T>(h, beforeHigh), v128.sub<T>(lo, beforeLow));
    for (let w: usize = 0; w < at; w += 16) {
      const until = exp<T>(
        v128.sub<T>(beforeHigh, v128.load(high + w)),
        v128.sub<T>(beforeLow, v128.load(low + w)),
      );
      column = decayEarlier<T>(column, ts, twin, until, after);
    }
  }
  for (let w = at; w < at + 16 - sizeof<T>(); w += sizeof<T>()) {
    const high0 = v128.load_splat<T>(high + w);
    const low0 = v128.load_splat<T>(low + w);
    scaleBoth<T>(column, twin, exp<T>(v128.sub<T>(h, high0), v128.sub<T>(lo, low0)));
    column += ts;
  }
}

/** Multiplies what the rows w of one earlier vector have in this vector of rows v. Returns where the next rows w begin. */
function decayEarlier<T>(column: usize, ts: usize, twin: usize, until: v128, after: v128): usize {
  const first =
    sizeof<T>() == 8 ? v128.shuffle<f64>(until, until, 0, 0) : v128.shuffle<f32>(until, until, 0, 0, 0, 0);
  scaleBoth<T>(column, twin, v128.mul<T>(after, first));
  column += ts;
  if (sizeof<T>() == 4) {
    scaleBoth<T>(column, twin, v128.mul<T>(after, v128.shuffle<f32>(until, until, 1, 1, 1, 1)));
    scaleBoth<T>(column + ts, twin, v128.mul<T>(after, v128.shuffle<f32>(until, until, 2, 2, 2, 2)));
    column += 2 * ts;
  }
  scaleBoth<T>(column, twin, v128.mul<T>(after, lastOf<T>(until)));
  return column + ts;
}

function scaleBoth<T>(at: usize, twin: usize, factor: v128): void {
  v128.store(at, v128.mul<T>(v128.load(at), factor));
  if (twin) v128.store(at + twin, v128.mul<T>(v128.load(at + twin), factor));
}

/** Multiplies the columns of a matrix of `r` rows by factors, two vectors of them at a time. */
function scaleColumns<T>(a: usize, as: usize, r: i32, length: usize, factors: usize): void {
  for (let v: usize = 0; v < length; v += 32) {
    const u0 = v128.load(factors + v);
    const u1 = v128.load(factors + v, 16);
    let row = a + v;
    for (let m = r; m > 0; m--) {
      v128.store(row, v128.mul<T>(v128.load(row), u0));
      v128.store(row, v128.mul<T>(v128.load(row, 16), u1), 16);
      row += as;
    }
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
