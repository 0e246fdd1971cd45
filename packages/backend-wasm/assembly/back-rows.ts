// The end of equation (30) of the reference README, row by row: Q̄ and K̄ go back through the normalisation of query and key and are written,
// with the gradients of the erase keys and of the erase gate, and ḡ, which is a running sum from the chunk's last row to its first.
import { Delta } from "./delta";
import { Back } from "./delta-back";
import { reciprocalNorm } from "./delta-open";
import { Decay, Job, Operands } from "./job";
import { bytes, loadPart, madd, nmadd, PANEL, storePart, sumLanes } from "./lanes";
import { dot } from "./row-dot";

/** Computes ⟨Z, Z̄⟩ of every channel at the chunk's end. The running sums of ḡ start from it. */
export function edgeProducts<T>(back: Back, z: usize, zs: usize): void {
  const other = back.z;
  for (let m = 0; m < back.delta.r; m++) {
    let x = z + m * PANEL;
    let y = other + m * PANEL;
    let s0 = v128.splat<T>(0);
    let s1 = s0;
    for (let j = back.panels; j > 0; j--) {
      s0 = madd<T>(s0, v128.load(x), v128.load(y));
      s1 = madd<T>(s1, v128.load(x, 16), v128.load(y, 16));
      x += zs;
      y += back.zs;
    }
    store<T>(back.edge + bytes<T>(m), sumLanes<T>(v128.add<T>(s0, s1)));
  }
}

/** Writes the chunk's gradients of the query, the key, the erase gate and the decay, from the last row to the first. */
export function writeRows<T>(job: Job, back: Back, entry: i32, l: i32, rows: i32): void {
  const delta = back.delta;
  const r = delta.r;
  const rs = delta.rs;
  const decayGradient = job.operand(Operands.decayGradient);
  let sum: f64 = 0;
  if (decayGradient.start && delta.decay == Decay.row) {
    for (let m = 0; m < r; m++) sum += <f64>load<T>(back.edge + bytes<T>(m));
  }
  for (let i = rows - 1; i >= 0; i--) {
    const at = i * rs;
    const q = back.q + at;
    const p = back.p + at;
    const k = back.k + at;
    const row = l + i;
    if (decayGradient.start) {
      const gap = back.head.gap + row * delta.ps;
      const to = decayGradient.entry(entry) + row * decayGradient.row;
      if (delta.decay == Decay.row) {
        const erased = <f64>dot<T>(delta.p + at, p, r);
        const both = (delta.early ? 0 : erased) + <f64>dot<T>(delta.k + at, k, r);
        sum += <f64>dot<T>(delta.q + at, q, r) - both;
        store<T>(to, load<T>(gap) == -(<T>Infinity) ? 0 : <T>sum);
        if (delta.early) sum -= erased;
      } else writeDecay<T>(back, at, gap, to);
    }
    writeErase<T>(job, back, entry, i, row);
    const erase = back.head.erase + row * delta.es;
    const key = job.operand(Operands.keyGradient);
    if (key.start) {
      if (!delta.early) addErased<T>(delta, erase, p, k);
      const to = key.entry(entry) + row * key.row;
      writeInput<T>(delta.eps, back.head.k + row * delta.ks, delta.k + at, k, r, to);
    }
    const eraseKey = job.operand(Operands.eraseKeyGradient);
    if (eraseKey.start) {
      // K_w has been written to its place; the next chunk adds to zeros.
      memory.fill(k, 0, rs);
      addErased<T>(delta, erase, p, k);
      const to = eraseKey.entry(entry) + row * eraseKey.row;
      writeInput<T>(delta.eps, back.head.eraseKey + row * delta.eks, delta.own + at, k, r, to);
    }
    const query = job.operand(Operands.queryGradient);
    if (query.start) {
      const to = query.entry(entry) + row * query.row;
      writeInput<T>(delta.eps, back.head.q + row * delta.qs, delta.q + at, q, r, to);
    }
  }
}

/** Adds e ∘ P̄ to a row of gradients. −P̄ of that row is at `p`. */
function addErased<T>(delta: Delta, erase: usize, p: usize, to: usize): void {
  for (let m: usize = 0; m < delta.rs; m += 16) {
    const e = delta.eraseWidth == 1 ? v128.load_splat<T>(erase) : loadPart<T>(erase, m, delta.r);
    v128.store(to + m, nmadd<T>(v128.load(to + m), e, v128.load(p + m)));
  }
}

/** Writes ḡ of one row for every channel. It is 0 where g = −∞, because nothing passes through a reset. */
function writeDecay<T>(back: Back, at: usize, gap: usize, to: usize): void {
  const delta = back.delta;
  for (let m: usize = 0; m < delta.rs; m += 16) {
    let sum = v128.load(back.edge + m);
    let term = v128.mul<T>(v128.load(delta.q + at + m), v128.load(back.q + at + m));
    term = nmadd<T>(term, v128.load(delta.p + at + m), v128.load(back.p + at + m));
    term = nmadd<T>(term, v128.load(delta.k + at + m), v128.load(back.k + at + m));
    sum = v128.add<T>(sum, term);
    v128.store(back.edge + m, sum);
    const g = loadPart<T>(gap, m, delta.r);
    storePart<T>(to, m, delta.r, v128.andnot(sum, v128.eq<T>(g, v128.splat<T>(-(<T>Infinity)))));
  }
}

/**
 * Writes ē of one row, which is P̄ ∘ k, or P̄ ∘ p with an erase key of its own; where the gate has one column, the sum of that over the
 * channels. Without a write gate it is the gradient of β, which writes too, and B̄ · V is added.
 */
function writeErase<T>(job: Job, back: Back, entry: i32, i: i32, row: i32): void {
  const gradient = job.operand(Operands.eraseGradient);
  if (!gradient.start) return;
  const delta = back.delta;
  const to = gradient.entry(entry) + row * gradient.row;
  const p = back.p + i * delta.rs;
  const k = delta.own + i * delta.rs;
  if (job.eraseWidth == 1) {
    const written: T = job.writeWidth ? 0 : load<T>(back.written + bytes<T>(i));
    store<T>(to, written - dot<T>(p, k, delta.r));
    return;
  }
  for (let m: usize = 0; m < delta.rs; m += 16) {
    storePart<T>(to, m, delta.r, v128.neg<T>(v128.mul<T>(v128.load(p + m), v128.load(k + m))));
  }
}

/**
 * Writes the gradient of a row x from the gradient ȳ of what was read of it. Where eps is negative, the row was read as
 * it is. Otherwise y = x ρ was read, with ρ = 1/√(x·x + eps), and the gradient of x is ρ (ȳ − y (y·ȳ)).
 */
function writeInput<T>(eps: f64, x: usize, y: usize, gradient: usize, r: i32, to: usize): void {
  const length = bytes<T>(r);
  if (eps < 0) {
    for (let m: usize = 0; m < length; m += 16) storePart<T>(to, m, r, v128.load(gradient + m));
    return;
  }
  const along = v128.splat<T>(dot<T>(y, gradient, r));
  const factor = v128.splat<T>(<T>reciprocalNorm<T>(x, r, eps));
  for (let m: usize = 0; m < length; m += 16) {
    const across = nmadd<T>(v128.load(gradient + m), along, v128.load(y + m));
    storePart<T>(to, m, r, v128.mul<T>(factor, across));
  }
}
