import { rankStride } from "./decay-layout";
import { expPair, limited } from "./exp";
import { Decay, Job, Operands } from "./job";
import { bytes, loadPart, madd } from "./lanes";
import { blockOf } from "./sums";
import { Apart, Plain, Together } from "./update";

// A few rows are done one by one on the state as it lies: a chunk's couplings, and bringing the state into panels and back, would
// cost more than they save.

/** The most rows that are. */
export const ROWS: i32 = 4;
/** Columns done together: four vectors, a cache line of a row of the state. */
export const STRIP: usize = 64;
/** Rows of r elements each, what decays until each row folded in where it reads or is read, and the pair of every channel. */
@unmanaged
export class Step {
  r!: i32;
  rs!: usize;
  /** what is added to Z */
  k!: usize;
  q!: usize;
  /** what reads Z */
  p!: usize;
  s!: usize;
  e!: usize;
  /** a strip of the right-hand side, of the write gate and of the output, and sums */
  v!: usize;
  w!: usize;
  out!: usize;
  sum!: usize;
  /** a strip of the state, [r, STRIP], where the last is a partial one or no final state is wanted */
  z!: usize;
}

export function stepBytes<T>(job: Job): f64 {
  return (
    offsetof<Strip>() +
    offsetof<Step>() +
    16 +
    5 * ROWS * <f64>rankStride<T>(job.r) +
    (4 + <f64>job.r) * STRIP
  );
}

export function layOutStep<T>(step: Step, r: i32): void {
  const rows = ROWS * rankStride<T>(r);
  step.r = r;
  step.rs = rankStride<T>(r);
  step.k = (changetype<usize>(step) + offsetof<Step>() + 15) & -16;
  step.q = step.k + rows;
  step.p = step.q + rows;
  step.s = step.p + rows;
  step.e = step.s + rows;
  step.v = step.e + rows;
  step.w = step.v + STRIP;
  step.out = step.w + STRIP;
  step.sum = step.out + STRIP;
  step.z = step.sum + STRIP;
}

/** The pair of every channel of row i, at `gap`, and `row` multiplied by their sum. */
export function decayRow<T>(step: Step, kind: Decay, i: i32, gap: usize, row: usize): void {
  const s = step.s + i * step.rs;
  const e = step.e + i * step.rs;
  for (let m: usize = 0; m < step.rs; m += 16) {
    const g = kind == Decay.row ? v128.load_splat<T>(gap) : loadPart<T>(gap, m, step.r);
    expPair<T>(limited<T>(g), v128.splat<T>(0), s + m, e + m);
    const factor = v128.add<T>(v128.load(s + m), v128.load(e + m));
    v128.store(row + m, v128.mul<T>(v128.load(row + m), factor));
  }
}

/** Where a strip of the state is read for the first of the rows, and where it is written. */
@unmanaged
export class Strip {
  z!: usize;
  zs!: usize;
  to!: usize;
  ts!: usize;
}

/** The strip from byte `from` on: in the tensors where it is a whole one, in scratch otherwise, zeros where there is no state. */
export function openStrip(job: Job, step: Step, strip: Strip, entry: i32, from: usize, length: usize): void {
  const before = job.operand(Operands.initialState);
  const after = job.operand(Operands.finalState);
  const z = before.entry(entry);
  const to = after.entry(entry);
  const whole = length == STRIP;
  if (z && whole) {
    strip.z = z + from;
    strip.zs = before.row;
  } else {
    memory.fill(step.z, 0, <usize>step.r * STRIP);
    if (z) copyStrip(z + from, before.row, step.r, length, step.z, STRIP);
    strip.z = step.z;
    strip.zs = STRIP;
  }
  const direct = whole && to != 0;
  strip.to = direct ? to + from : step.z;
  strip.ts = direct ? after.row : STRIP;
}

/** Brings a partial strip of the final state to its place. */
export function closeStrip(job: Job, step: Step, entry: i32, from: usize, length: usize): void {
  const after = job.operand(Operands.finalState);
  if (after.start && length < STRIP)
    copyStrip(step.z, STRIP, step.r, length, after.entry(entry) + from, after.row);
}

function copyStrip(from: usize, fs: usize, rows: i32, length: usize, to: usize, ts: usize): void {
  for (; rows > 0; rows--) {
    memory.copy(to, from, length);
    from += fs;
    to += ts;
  }
}

/** Zᵀ p for one strip. */
export function readStrip<T>(z: usize, zs: usize, r: i32, p: usize, sum: usize): void {
  const stop = p + bytes<T>(r);
  const block = bytes<T>(blockOf(r));
  let s0 = v128.splat<T>(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  do {
    const end = min(p + block, stop);
    let x = v128.load_splat<T>(p);
    let c0 = v128.mul<T>(x, v128.load(z));
    let c1 = v128.mul<T>(x, v128.load(z, 16));
    let c2 = v128.mul<T>(x, v128.load(z, 32));
    let c3 = v128.mul<T>(x, v128.load(z, 48));
    z += zs;
    p += sizeof<T>();
    if (p != end) {
      do {
        x = v128.load_splat<T>(p);
        c0 = madd<T>(c0, x, v128.load(z));
        c1 = madd<T>(c1, x, v128.load(z, 16));
        c2 = madd<T>(c2, x, v128.load(z, 32));
        c3 = madd<T>(c3, x, v128.load(z, 48));
        z += zs;
        p += sizeof<T>();
      } while (p != end);
    }
    s0 = v128.add<T>(s0, c0);
    s1 = v128.add<T>(s1, c1);
    s2 = v128.add<T>(s2, c2);
    s3 = v128.add<T>(s3, c3);
  } while (p != stop);
  v128.store(sum, s0);
  v128.store(sum, s1, 16);
  v128.store(sum, s2, 32);
  v128.store(sum, s3, 48);
}

/** Z ← diag(s + e) Z + k uᵀ for one strip, s Z exact as s is a power of 2, and α Zᵀ q. `u` is scratch afterwards. */
export function writeStrip<T, D>(
  z: usize,
  zs: usize,
  to: usize,
  ts: usize,
  r: i32,
  k: usize,
  q: usize,
  s: usize,
  e: usize,
  u: usize,
  alpha: v128,
  out: usize,
): void {
  const u0 = v128.load(u);
  const u1 = v128.load(u, 16);
  const u2 = v128.load(u, 32);
  const u3 = v128.load(u, 48);
  const stop = k + bytes<T>(r);
  const block = bytes<T>(blockOf(r));
  const zero = v128.splat<T>(0);
  v128.store(u, zero);
  v128.store(u, zero, 16);
  v128.store(u, zero, 32);
  v128.store(u, zero, 48);
  // one factor for all rows stays in registers
  let sk = zero;
  let ek = zero;
  if (sizeof<D>() == sizeof<Together>()) {
    sk = v128.load_splat<T>(s);
    ek = v128.load_splat<T>(e);
  }
  do {
    const end = min(k + block, stop);
    let c0 = zero;
    let c1 = zero;
    let c2 = zero;
    let c3 = zero;
    do {
      const x = v128.load_splat<T>(k);
      const y = v128.load_splat<T>(q);
      if (sizeof<D>() == sizeof<Apart>()) {
        sk = v128.load_splat<T>(s);
        ek = v128.load_splat<T>(e);
        s += sizeof<T>();
        e += sizeof<T>();
      }
      const z0 = added<T, D>(v128.load(z), x, u0, sk, ek);
      const z1 = added<T, D>(v128.load(z, 16), x, u1, sk, ek);
      const z2 = added<T, D>(v128.load(z, 32), x, u2, sk, ek);
      const z3 = added<T, D>(v128.load(z, 48), x, u3, sk, ek);
      v128.store(to, z0);
      v128.store(to, z1, 16);
      v128.store(to, z2, 32);
      v128.store(to, z3, 48);
      c0 = madd<T>(c0, y, z0);
      c1 = madd<T>(c1, y, z1);
      c2 = madd<T>(c2, y, z2);
      c3 = madd<T>(c3, y, z3);
      z += zs;
      to += ts;
      k += sizeof<T>();
      q += sizeof<T>();
    } while (k != end);
    v128.store(u, v128.add<T>(v128.load(u), c0));
    v128.store(u, v128.add<T>(v128.load(u, 16), c1), 16);
    v128.store(u, v128.add<T>(v128.load(u, 32), c2), 32);
    v128.store(u, v128.add<T>(v128.load(u, 48), c3), 48);
  } while (k != stop);
  for (let j: usize = 0; j < STRIP; j += 16) v128.store(out + j, v128.mul<T>(alpha, v128.load(u + j)));
}

function added<T, D>(z: v128, k: v128, u: v128, s: v128, e: v128): v128 {
  if (sizeof<D>() == sizeof<Plain>()) return madd<T>(z, k, u);
  return v128.add<T>(v128.mul<T>(s, z), madd<T>(v128.mul<T>(k, u), e, z));
}

/** Z ← diag(s + e) Z + k uᵀ for one strip. */
export function addStrip<T, D>(
  z: usize,
  zs: usize,
  to: usize,
  ts: usize,
  r: i32,
  k: usize,
  s: usize,
  e: usize,
  u: usize,
): void {
  const u0 = v128.load(u);
  const u1 = v128.load(u, 16);
  const u2 = v128.load(u, 32);
  const u3 = v128.load(u, 48);
  const stop = k + bytes<T>(r);
  let sk = v128.splat<T>(0);
  let ek = sk;
  do {
    const x = v128.load_splat<T>(k);
    if (sizeof<D>() != sizeof<Plain>()) {
      sk = v128.load_splat<T>(s);
      ek = v128.load_splat<T>(e);
      s += sizeof<T>();
      e += sizeof<T>();
    }
    const z0 = added<T, D>(v128.load(z), x, u0, sk, ek);
    const z1 = added<T, D>(v128.load(z, 16), x, u1, sk, ek);
    const z2 = added<T, D>(v128.load(z, 32), x, u2, sk, ek);
    const z3 = added<T, D>(v128.load(z, 48), x, u3, sk, ek);
    v128.store(to, z0);
    v128.store(to, z1, 16);
    v128.store(to, z2, 32);
    v128.store(to, z3, 48);
    z += zs;
    to += ts;
    k += sizeof<T>();
  } while (k != stop);
}
