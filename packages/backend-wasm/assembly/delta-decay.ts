import { decayCouplings, rowFactors, sumGaps } from "./decay-rows";
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
  const size = bytes<T>(align(delta.chunk, 4)) + 32;
  const high = deltaScratch(delta) + 16;
  const low = high + size;
  const up = low + size;
  const down = up + size;
  const back: usize = delta.early ? sizeof<T>() : 0;
  store<T>(high - sizeof<T>(), 0);
  store<T>(low - sizeof<T>(), 0);
  store<T>(up - sizeof<T>(), 1);
  sumGaps<T>(gap, delta.ps, rows, false, high, low);
  const s = deltaPairs(delta);
  const length = rowFactors<T>(rows, high, low, up, down, s, s + delta.rs);
  const four = bytes<T>(4);
  for (let v: usize = 0; v < length; v += 16) {
    const f = delta.f + (v / four) * delta.tiles + (v & (four - 1));
    const s = f + delta.depth * delta.fs;
    decayCouplings<T>(s, delta.fs, back ? 0 : four, v, high, low, back);
    if (back) decayCouplings<T>(s + four, delta.fs, 0, v, high, low, 0);
    scaleReads<T>(f, delta.fs, delta.r, v128.load(up + v - back), v128.load(up + v));
  }
  let k = delta.k;
  let to = delta.decayed;
  for (let i = 0; i < rows; i++) {
    const factor = v128.load_splat<T>(down + bytes<T>(i));
    for (let m: usize = 0; m < delta.rs; m += 16) v128.store(to + m, v128.mul<T>(factor, v128.load(k + m)));
    k += delta.rs;
    to += delta.rs;
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
