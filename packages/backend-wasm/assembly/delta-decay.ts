import { decayCouplings, rowFactors, sumGaps } from "./decay-rows";
import { exp } from "./exp";
import { Delta } from "./delta";
import { align, bytes } from "./lanes";

/** s and e of every channel, the factor s + e by which Z decays over the chunk: [rs] each, one after the other. */
export function deltaPairs(delta: Delta): usize {
  return delta.decayed + align(delta.chunk, 4) * delta.rs;
}

/** What lies behind them, for the decay's own use. */
export function deltaScratch(delta: Delta): usize {
  return deltaPairs(delta) + 2 * delta.rs;
}

/**
 * A chunk whose rows decay by one factor each: what decayRows does for solve, on f and K. Where P reads early, the sums and factors
 * of the row before are those one element back, and before the first row there is no decay.
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

/** Where the sums of a chunk's gaps are, an element that is 0 before them. */
function sums(delta: Delta): usize {
  return deltaScratch(delta) + 16;
}

/** How many bytes before those of Q the sums and factors of P's rows are. */
export function readsBefore<T>(delta: Delta): usize {
  return delta.early ? sizeof<T>() : 0;
}

/** Bytes of the sums of a chunk's gaps, or of the factors of its rows. */
function sumsBytes<T>(delta: Delta): usize {
  return bytes<T>(align(delta.chunk, 4)) + 32;
}

/** K∘dn and the pair of such a chunk, with the sums of its gaps and up and dn after them. Returns the bytes of up. */
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

/** What Z decays by until each row of such a chunk reads it, as decayKeyRows leaves it. */
export function readFactors<T>(delta: Delta): usize {
  return sums(delta) + 2 * sumsBytes<T>(delta);
}

/** What each such row decays by until the chunk's end. */
export function writeFactors<T>(delta: Delta): usize {
  return sums(delta) + 3 * sumsBytes<T>(delta);
}

/** Two matrices of couplings [rows, rows], rows v and columns w, those of Q and of P: ∘= what decays between row w and row v ≥ w. */
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

/** Multiplies a vector of rows of P and of Q, columns of f, by their factors. */
function scaleReads<T>(f: usize, fs: usize, r: i32, ofP: v128, ofQ: v128): void {
  for (; r > 0; r--) {
    v128.store(f, v128.mul<T>(v128.load(f), ofP));
    v128.store(f, v128.mul<T>(v128.load(f, 4 * sizeof<T>()), ofQ), 4 * sizeof<T>());
    f += fs;
  }
}
