// Opens a chunk of the delta rule: stages P_i = e_i ∘ k_i (or e_i ∘ p_i), Q and K of equation (28) of the reference README, normalised
// where the layer normalises them, and makes P̃, Q̃, S, M and K̃ of (29). delta.ts draws where each lies. It
// is done once a chunk, for all panels.
import { Delta, Head } from "./delta";
import { decayDeltaChannels, decayKeyChannels } from "./delta-decay-channels";
import { decayDeltaRows, decayKeyRows } from "./delta-decay-rows";
import { Decay } from "./job";
import { align, bytes, lanes, lanesUpTo, loadPart, PANEL, transposeSquare, width } from "./lanes";
import { product } from "./product";
import { dot } from "./row-dot";
import { packTail } from "./update";

/**
 * Stages the operands of the chunk that starts at row l, but for V, and makes its couplings. Where it does not read (`reads` is false), Q is
 * not staged, and the couplings of Q hold numbers that nobody reads.
 */
export function openDelta<T>(delta: Delta, head: Head, l: i32, rows: i32, reads: bool): void {
  const r = delta.r;
  const rs = delta.rs;
  stageRows<T>(head.k + l * delta.ks, delta.ks, rows, r, delta.eps, delta.k, rs);
  if (reads) stageRows<T>(head.q + l * delta.qs, delta.qs, rows, r, delta.eps, delta.q, rs);
  if (delta.early) stageRows<T>(head.eraseKey + l * delta.eks, delta.eks, rows, r, delta.eps, delta.own, rs);
  stageErase<T>(delta, head.erase + l * delta.es, rows);
  let added = delta.k;
  if (delta.decay == Decay.channel) decayDeltaChannels<T>(delta, head.gap + l * delta.ps, rows);
  else {
    couple<T>(delta, rows);
    if (delta.decay == Decay.row) decayDeltaRows<T>(delta, head.gap + l * delta.ps, rows);
  }
  if (delta.decay != Decay.none) added = delta.decayed;
  packTail<T>(added, rs, rows, r, delta.gTail);
}

/** Stages what it takes, beside U, to bring Z over the chunk that starts at row l: K∘dn, and the pairs by which Z decays. */
export function openUpdate<T>(delta: Delta, head: Head, l: i32, rows: i32): void {
  const rs = delta.rs;
  stageRows<T>(head.k + l * delta.ks, delta.ks, rows, delta.r, delta.eps, delta.k, rs);
  const gap = head.gap + l * delta.ps;
  if (delta.decay == Decay.channel) decayKeyChannels<T>(delta, gap, rows);
  else if (delta.decay == Decay.row) decayKeyRows<T>(delta, gap, rows);
  packTail<T>(delta.decay == Decay.none ? delta.k : delta.decayed, rs, rows, delta.r, delta.gTail);
}

/** Returns 1 / √(x·x + eps). In f32 the squares are summed in f64, where none of them overflows; in f64 they are summed in blocks. */
export function reciprocalNorm<T>(x: usize, r: i32, eps: f64): f64 {
  if (sizeof<T>() == 8) return 1 / Math.sqrt(<f64>dot<T>(x, x, r) + eps);
  let s0 = f64x2.splat(0);
  let s1 = s0;
  const length = bytes<T>(r);
  for (let m: usize = 0; m < length; m += 16) {
    const part = loadPart<T>(x, m, r);
    const low = f64x2.promote_low_f32x4(part);
    const high = f64x2.promote_low_f32x4(v128.shuffle<f64>(part, part, 1, 1));
    s0 = f64x2.add(s0, f64x2.mul(low, low));
    s1 = f64x2.add(s1, f64x2.mul(high, high));
  }
  s0 = f64x2.add(s0, s1);
  return 1 / Math.sqrt(f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1) + eps);
}

/**
 * Copies rows of r elements, normalised where eps is not negative, with zeros after each up to a whole vector, and with rows of zeros up to a
 * multiple of four.
 */
export function stageRows<T>(
  from: usize,
  fs: usize,
  rows: i32,
  r: i32,
  eps: f64,
  to: usize,
  rs: usize,
): void {
  const whole = bytes<T>(r & -lanes<T>());
  for (let i = rows; i > 0; i--) {
    let m: usize = 0;
    if (eps < 0) {
      for (; m < whole; m += 16) v128.store(to + m, v128.load(from + m));
      for (; m < rs; m += 16) v128.store(to + m, loadPart<T>(from, m, r));
    } else {
      const factor = v128.splat<T>(<T>reciprocalNorm<T>(from, r, eps));
      for (; m < whole; m += 16) v128.store(to + m, v128.mul<T>(factor, v128.load(from + m)));
      for (; m < rs; m += 16)
        v128.store(to + m, v128.and(v128.mul<T>(factor, loadPart<T>(from, m, r)), below<T>(m, r)));
    }
    from += fs;
    to += rs;
  }
  memory.fill(to, 0, (align(rows, 4) - rows) * rs);
}

/** Returns all ones in the lanes of the vector at byte m that belong to a row of r elements, and zeros in the others. */
function below<T>(m: usize, r: i32): v128 {
  return lanesUpTo<T>(r - 1 - <i32>(m / sizeof<T>()));
}

/**
 * Stages the erase gate. Where it is folded, `delta.erase` becomes e of every row and P stays as it is; otherwise it becomes 1, and P
 * becomes e ∘ k, or e ∘ p of the erase keys' own rows. Rows up to a multiple of four become zeros.
 */
function stageErase<T>(delta: Delta, erase: usize, rows: i32): void {
  const rs = delta.rs;
  const end = align(rows, 4);
  let k = delta.own;
  let p = delta.p;
  for (let i = 0; i < end; i++) {
    const own = i < rows;
    if (delta.folded) store<T>(delta.erase + bytes<T>(i), own ? load<T>(erase) : 0);
    else {
      store<T>(delta.erase + bytes<T>(i), 1);
      for (let m: usize = 0; m < rs; m += 16) v128.store(p + m, eraseKey<T>(delta, own ? erase : 0, k, m));
    }
    erase += delta.es;
    k += rs;
    p += rs;
  }
}

/** Returns e ∘ k of one vector of channels, or 0 where there is no row. */
export function eraseKey<T>(delta: Delta, erase: usize, k: usize, m: usize): v128 {
  if (!erase) return v128.splat<T>(0);
  const e = delta.eraseWidth == 1 ? v128.load_splat<T>(erase) : loadPart<T>(erase, m, delta.r);
  return v128.mul<T>(e, v128.load(k + m));
}

/** Fills f as if nothing decayed: P and Q transposed, and under them S and M by Gram products of K with both at once. */
function couple<T>(delta: Delta, rows: i32): void {
  const fs = delta.fs;
  const rs = delta.rs;
  let f = delta.f;
  for (let i = 0; i < rows; i += 4) {
    transposeRows<T>(delta.p + i * rs, rs, f, fs);
    transposeRows<T>(delta.q + i * rs, rs, f + bytes<T>(4), fs);
    const under = f + delta.depth * fs;
    // Keys after the last row are zeros, so that no number of an earlier chunk is left in the triangle of four rows.
    const w = i + 4;
    product<T>(delta.k, rs, w, f, fs, delta.r, under, fs);
    if (width<T>() == 4) product<T>(delta.k, rs, w, f + PANEL, fs, delta.r, under + PANEL, fs);
    f += delta.tiles;
  }
}

/** Writes four staged rows as columns. */
export function transposeRows<T>(a: usize, rs: usize, t: usize, ts: usize): void {
  const a1 = a + rs;
  const a2 = a1 + rs;
  const a3 = a2 + rs;
  for (let m: usize = 0; m < rs; m += 16) {
    transposeSquare<T>(a + m, a1 + m, a2 + m, a3 + m, t, ts);
    if (sizeof<T>() == 8) transposeSquare<T>(a2 + m, a3 + m, 0, 0, t + 16, ts);
    t += lanes<T>() * ts;
  }
}
