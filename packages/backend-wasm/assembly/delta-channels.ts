import { storeSums } from "./couplings";
import { CHANNEL_TILE, Delta } from "./delta";
import { deltaPairs, deltaScratch } from "./delta-decay";
import { exp, expPair, highPart, limited } from "./exp";
import { align, bytes, loadPart, madd, transposeSquare } from "./lanes";

/** Vectors of products that a lane adds in a row before its sum is added to those of other blocks. */
const BLOCK: usize = 16 * 16;

/** From which of a tile's four rows on a row of K is read, told apart by size: all, for a row before the tile, … */
type All = u8;
/** … those after the first, which the row itself is, … */
type Second = u16;
/** … after the second, … */
type Third = u32;
/** … after the third, … */
type Fourth = u64;
/** … and none after the fourth. */
type None = v128;

/**
 * A chunk every channel of which decays by itself: what decayChannels does for solve, with P and Q reading side by side. A copy of K
 * has, when row v comes, each row w < v as it has decayed until then: S_vw = p_v · k_w and M_vw = q_v · k_w, so that the exponentials
 * and the running products are formed once for both. After the last row the copy is K∘dn.
 */
export function decayDeltaChannels<T>(delta: Delta, gap: usize, rows: i32): void {
  const rs = delta.rs;
  const tiles = deltaScratch(delta);
  const step = (rs / 16) * CHANNEL_TILE;
  const square = tiles + (align(delta.chunk, 4) / 4) * step;
  for (let m: usize = 0; m < rs; m += 16) {
    openVector<T>(delta, gap, rows, m, tiles + (m / 16) * CHANNEL_TILE, square);
  }
  const copy = delta.decayed;
  for (let from: usize = 0; from < rs; from += BLOCK) {
    const length = min(BLOCK, rs - from);
    const joins = from > 0;
    let tile = tiles + (from / 16) * CHANNEL_TILE;
    let s = delta.f + delta.depth * delta.fs;
    for (let i = 0; i < rows; i += 4) {
      let k = copy + from;
      let to = s;
      for (let w = 0; w < i; w++) {
        coupleRow<T, All>(k, tile, length, to, joins);
        k += rs;
        to += delta.fs;
      }
      coupleRow<T, Second>(k, tile, length, to, joins);
      coupleRow<T, Third>(k + rs, tile, length, to + delta.fs, joins);
      coupleRow<T, Fourth>(k + 2 * rs, tile, length, to + 2 * delta.fs, joins);
      coupleRow<T, None>(k + 3 * rs, tile, length, to + 3 * delta.fs, joins);
      tile += step;
      s += delta.tiles;
    }
  }
}

/** One vector of channels: its factors, P and Q of all rows, up to whole tiles of four, and its pair. */
function openVector<T>(delta: Delta, gap: usize, rows: i32, m: usize, tile: usize, square: usize): void {
  const rs = delta.rs;
  const one = v128.splat<T>(1);
  let p = delta.p + m;
  let q = delta.q + m;
  let k = delta.k + m;
  let copy = delta.decayed + m;
  let f = delta.f + (m / sizeof<T>()) * delta.fs;
  let high = v128.splat<T>(0);
  let low = high;
  let up = one;
  for (let v = 0; v < align(rows, 4); v++) {
    let factor = one;
    if (v < rows) {
      const own = limited<T>(loadPart<T>(gap, m, delta.r));
      const part = highPart<T>(own);
      high = v128.add<T>(high, part);
      low = v128.add<T>(low, v128.sub<T>(own, part));
      factor = exp<T>(own, v128.splat<T>(0));
      up = v128.mul<T>(up, factor);
    }
    const pv = v128.load(p);
    const qv = v128.load(q);
    const at = tile + (v & 3) * 48;
    v128.store(at, factor);
    v128.store(at, pv, 16);
    v128.store(at, qv, 32);
    v128.store(copy, v128.load(k));
    const row = square + (v & 3) * 16;
    v128.store(row, v128.mul<T>(pv, up));
    v128.store(row, v128.mul<T>(qv, up), 64);
    if ((v & 3) == 3) {
      transposeFour<T>(square, f, delta.fs);
      transposeFour<T>(square + 64, f + bytes<T>(4), delta.fs);
      f += delta.tiles;
      tile += (rs / 16) * CHANNEL_TILE;
    }
    p += rs;
    q += rs;
    k += rs;
    copy += rs;
    gap += delta.ps;
  }
  const s = deltaPairs(delta) + m;
  expPair<T>(high, low, s, s + rs);
}

/** K∘dn and the pairs of such a chunk alone. */
export function decayKeyChannels<T>(delta: Delta, gap: usize, rows: i32): void {
  const rs = delta.rs;
  const s = deltaPairs(delta);
  const last = (rows - 1) * rs;
  for (let m: usize = 0; m < rs; m += 16) {
    let g = gap + (rows - 1) * delta.ps;
    let down = v128.splat<T>(1);
    let high = v128.splat<T>(0);
    let low = high;
    for (let at = <isize>last; at >= 0; at -= rs) {
      v128.store(delta.decayed + at + m, v128.mul<T>(down, v128.load(delta.k + at + m)));
      const own = limited<T>(loadPart<T>(g, m, delta.r));
      const part = highPart<T>(own);
      high = v128.add<T>(high, part);
      low = v128.add<T>(low, v128.sub<T>(own, part));
      down = v128.mul<T>(down, exp<T>(own, v128.splat<T>(0)));
      g -= delta.ps;
    }
    expPair<T>(high, low, s + m, s + rs + m);
  }
}

/** One vector each of four rows as columns. */
function transposeFour<T>(from: usize, to: usize, ts: usize): void {
  transposeSquare<T>(from, from + 16, from + 32, from + 48, to, ts);
  if (sizeof<T>() == 8) transposeSquare<T>(from + 32, from + 48, 0, 0, to + 16, ts);
}

/**
 * A row w of K through a tile's four rows v: S_vw and M_vw for the channels of `length` bytes, and the row as it has then decayed. The
 * row of the tile that w itself may be is read by Q before anything decays.
 */
function coupleRow<T, From>(k: usize, tile: usize, length: usize, to: usize, joins: bool): void {
  const end = k + length;
  const zero = v128.splat<T>(0);
  let s0 = zero;
  let s1 = zero;
  let s2 = zero;
  let s3 = zero;
  let m0 = zero;
  let m1 = zero;
  let m2 = zero;
  let m3 = zero;
  do {
    let x = v128.load(k);
    if (sizeof<From>() == sizeof<All>()) {
      x = v128.mul<T>(x, v128.load(tile));
      s0 = madd<T>(s0, v128.load(tile, 16), x);
    }
    if (sizeof<From>() <= sizeof<Second>()) {
      m0 = madd<T>(m0, v128.load(tile, 32), x);
      x = v128.mul<T>(x, v128.load(tile, 48));
      s1 = madd<T>(s1, v128.load(tile, 64), x);
    }
    if (sizeof<From>() <= sizeof<Third>()) {
      m1 = madd<T>(m1, v128.load(tile, 80), x);
      x = v128.mul<T>(x, v128.load(tile, 96));
      s2 = madd<T>(s2, v128.load(tile, 112), x);
    }
    if (sizeof<From>() <= sizeof<Fourth>()) {
      m2 = madd<T>(m2, v128.load(tile, 128), x);
      x = v128.mul<T>(x, v128.load(tile, 144));
      s3 = madd<T>(s3, v128.load(tile, 160), x);
    }
    m3 = madd<T>(m3, v128.load(tile, 176), x);
    if (sizeof<From>() < sizeof<None>()) v128.store(k, x);
    k += 16;
    tile += CHANNEL_TILE;
  } while (k != end);
  storeSums<T>(s0, s1, s2, s3, to, joins);
  storeSums<T>(m0, m1, m2, m3, to + bytes<T>(4), joins);
}
