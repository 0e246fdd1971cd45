// Equation (29) of the reference README for a chunk in which each row decays by one factor: P̃, Q̃, the couplings' E, and K̃. Here factors are
// exponentials of differences of the sums of gaps, which are kept in two parts so that no difference is rounded (section 3 there).
//
// Scratch: `delta.decayed` holds K∘dn [chunk, rs]; then come the pair of every channel [2, rs] and, 16 bytes on, four arrays of sumsBytes
// each: the sums of gaps in two parts, high and low, and the factors up and dn. One element before `high`, `low` and `up` stands what holds
// before the chunk's first row, for erase keys that read early. The Gram products come first and the factors after them, because a pass
// over f costs less than rows packed for them.
import { decayCouplings, rowFactors, sumGaps } from "./decay-rows";
import { deltaPairs, deltaScratch } from "./delta-decay-scratch";
import { exp } from "./exp";
import { Delta } from "./delta";
import { align, bytes } from "./lanes";

/**
 * Lets a chunk decay whose couplings lie in f without decay: what decayRows does for solve and apply. Where P reads early, its row v takes
 * the sums and factors of row v − 1, which lie one element back; before the first row there is no decay.
 */
export function decayDeltaRows<T>(delta: Delta, gap: usize, rows: i32): void {
  const length = decayKeyRows<T>(delta, gap, rows);
  const high = sums(delta);
  const low = high + sumsBytes<T>(delta);
  const up = readFactors<T>(delta);
  const four = bytes<T>(4);
  const back = readsBefore<T>(delta);
  for (let v: usize = 0; v < length; v += 16) {
    const f = delta.f + (v / four) * delta.tiles + (v & (four - 1));
    const s = f + delta.depth * delta.fs;
    decayCouplings<T>(s, delta.fs, back ? 0 : four, v, high, low, back);
    if (back) decayCouplings<T>(s + four, delta.fs, 0, v, high, low, 0);
    scaleReads<T>(f, delta.fs, delta.r, v128.load(up + v - back), v128.load(up + v));
  }
}

/** Returns where the sums of a chunk's gaps lie, with an element that is 0 before them. */
function sums(delta: Delta): usize {
  return deltaScratch(delta) + 16;
}

/** Returns how many bytes before those of Q the sums and factors of P's rows lie: one element where P reads early, else 0. */
export function readsBefore<T>(delta: Delta): usize {
  return delta.early ? sizeof<T>() : 0;
}

/** Returns the bytes of the sums of a chunk's gaps, and of the factors of its rows. */
function sumsBytes<T>(delta: Delta): usize {
  return bytes<T>(align(delta.chunk, 4)) + 32;
}

/**
 * Computes the sums of the gaps, up, dn, K∘dn and the pair of such a chunk. Returns the bytes that the rows' factors take, up to whole
 * vectors.
 */
export function decayKeyRows<T>(delta: Delta, gap: usize, rows: i32): usize {
  const size = sumsBytes<T>(delta);
  const high = sums(delta);
  const low = high + size;
  const up = low + size;
  const down = up + size;
  store<T>(high - sizeof<T>(), 0);
  store<T>(low - sizeof<T>(), 0);
  store<T>(up - sizeof<T>(), 1);
  sumGaps<T>(gap, delta.ps, rows, false, high, low);
  const s = deltaPairs(delta);
  const length = rowFactors<T>(rows, high, low, up, down, s, s + delta.rs);
  scaleRows<T>(delta.k, delta.decayed, delta.rs, rows, down);
  return length;
}

/** Multiplies every row by a factor of its own, from one array to another or in its place. */
export function scaleRows<T>(from: usize, to: usize, rs: usize, rows: i32, factors: usize): void {
  for (; rows > 0; rows--) {
    const factor = v128.load_splat<T>(factors);
    for (let m: usize = 0; m < rs; m += 16) v128.store(to + m, v128.mul<T>(factor, v128.load(from + m)));
    factors += sizeof<T>();
    from += rs;
    to += rs;
  }
}

/** Returns where up lies, which is what Z decays by until each row reads it. */
export function readFactors<T>(delta: Delta): usize {
  return sums(delta) + 2 * sumsBytes<T>(delta);
}

/** Returns where dn lies, which is what each row decays by until the chunk's end. */
export function writeFactors<T>(delta: Delta): usize {
  return sums(delta) + 3 * sumsBytes<T>(delta);
}

/**
 * Multiplies the couplings' gradients of Q, at `m`, and of P, at `s`, by what decays between row w and row v ≥ w. Both are matrices
 * [rows, rows] with rows v and columns w, `stride` bytes from row to row.
 */
export function decayBoth<T>(delta: Delta, m: usize, s: usize, stride: usize, rows: i32): void {
  const high = sums(delta);
  const low = high + sumsBytes<T>(delta);
  const back = readsBefore<T>(delta);
  for (let v = 0; v < rows; v++) {
    const h = v128.load_splat<T>(high + bytes<T>(v));
    const lo = v128.load_splat<T>(low + bytes<T>(v));
    const before = high + bytes<T>(v) - back;
    const beforeLow = low + bytes<T>(v) - back;
    for (let w: usize = 0; w <= bytes<T>(v); w += 16) {
      const hw = v128.load(high + w);
      const lw = v128.load(low + w);
      let e = exp<T>(v128.sub<T>(h, hw), v128.sub<T>(lo, lw));
      v128.store(m + w, v128.mul<T>(e, v128.load(m + w)));
      if (back)
        e = exp<T>(
          v128.sub<T>(v128.load_splat<T>(before), hw),
          v128.sub<T>(v128.load_splat<T>(beforeLow), lw),
        );
      v128.store(s + w, v128.mul<T>(e, v128.load(s + w)));
    }
    m += stride;
    s += stride;
  }
}

/** Multiplies one vector of rows of P and of Q, which are columns of f, by their factors. */
function scaleReads<T>(f: usize, fs: usize, r: i32, ofP: v128, ofQ: v128): void {
  for (; r > 0; r--) {
    v128.store(f, v128.mul<T>(v128.load(f), ofP));
    v128.store(f, v128.mul<T>(v128.load(f, 4 * sizeof<T>()), ofQ), 4 * sizeof<T>());
    f += fs;
  }
}
