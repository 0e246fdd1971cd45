import { rankStride } from "./decay-layout";
import { stageRows } from "./delta-open";
import { expPair, limited } from "./exp";
import { Decay, Job, Operands } from "./job";
import { bytes, loadPart, madd, nmadd } from "./lanes";
import { Apart, Plain, Together } from "./update";

/** Rows that are done one by one: a chunk's couplings would cost more than they save. */
const ROWS: i32 = 4;
/** Columns done together: four vectors, a cache line of a row of the state. */
const STRIP: usize = 64;
/** Terms over the rank that are added in a row. */
const BLOCK: usize = 16;

/** Rows of r elements each, as stepBytes lays them out: K, Q, P as what it reads has decayed, and the pair of every channel. */
@unmanaged
class Step {
  r!: i32;
  rs!: usize;
  k!: usize;
  q!: usize;
  p!: usize;
  s!: usize;
  e!: usize;
  /** a strip of V, of W and of the output, and sums */
  v!: usize;
  w!: usize;
  out!: usize;
  sum!: usize;
  /** a strip of the state, [r, STRIP], where the last is a partial one or no final state is wanted */
  z!: usize;
}

export function stepBytes<T>(job: Job): f64 {
  return offsetof<Step>() + 16 + 5 * ROWS * <f64>rankStride<T>(job.r) + (4 + <f64>job.r) * STRIP;
}

/** deltaRule on the few rows of one batch entry, the state updated in place: Zᵀ p, then Z and Zᵀ q together, row by row. */
export function deltaStep<T>(job: Job, entry: i32, scratch: usize): void {
  const step = changetype<Step>(scratch);
  const r = job.r;
  layOutStep<T>(step, r);
  stageStep<T>(job, step, entry);
  const before = job.operand(Operands.initialState);
  const after = job.operand(Operands.finalState);
  const z0 = before.entry(entry);
  const z1 = after.entry(entry);
  for (let from: usize = 0; from < bytes<T>(job.p); from += STRIP) {
    const length = min(STRIP, bytes<T>(job.p) - from);
    const whole = length == STRIP;
    let z = z0 ? z0 + from : 0;
    let zs = before.row;
    if (!z || !whole) {
      copyStrip(z, zs, r, length, step.z, STRIP);
      z = step.z;
      zs = STRIP;
    }
    const direct = whole && z1 != 0;
    const to = direct ? z1 + from : step.z;
    const ts = direct ? after.row : STRIP;
    for (let i = 0; i < job.n; i++) {
      stepStrip<T>(job, step, entry, i, from, length, z, zs, to, ts);
      z = to;
      zs = ts;
    }
    if (z1 && !whole) copyStrip(step.z, STRIP, r, length, z1 + from, after.row);
  }
}

function layOutStep<T>(step: Step, r: i32): void {
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

function stageStep<T>(job: Job, step: Step, entry: i32): void {
  const r = job.r;
  const rs = step.rs;
  const k = job.operand(Operands.k);
  const q = job.operand(Operands.q);
  stageRows<T>(k.entry(entry), k.row, job.n, r, job.eps, step.k, rs);
  stageRows<T>(q.entry(entry), q.row, job.n, r, job.eps, step.q, rs);
  const erase = job.operand(Operands.erase);
  const decay = job.operand(Operands.decay);
  for (let i = 0; i < job.n; i++) {
    const e = erase.entry(entry) + i * erase.row;
    const gap = decay.entry(entry) + i * decay.row;
    const at = i * rs;
    for (let m: usize = 0; m < rs; m += 16) {
      let p = v128.load(step.k + at + m);
      if (job.eraseWidth > 1) p = v128.mul<T>(p, loadPart<T>(e, m, r));
      if (job.decayKind != Decay.none) {
        const g = job.decayKind == Decay.row ? v128.load_splat<T>(gap) : loadPart<T>(gap, m, r);
        expPair<T>(limited<T>(g), v128.splat<T>(0), step.s + at + m, step.e + at + m);
        p = v128.mul<T>(p, v128.add<T>(v128.load(step.s + at + m), v128.load(step.e + at + m)));
      }
      v128.store(step.p + at + m, p);
    }
  }
}

/** The first `length` bytes of rows, with zeros to a whole strip where that is what is written; zeros where there are no rows. */
function copyStrip(from: usize, fs: usize, rows: i32, length: usize, to: usize, ts: usize): void {
  if (ts == STRIP) memory.fill(to, 0, rows * STRIP);
  if (!from) return;
  for (; rows > 0; rows--) {
    memory.copy(to, from, length);
    from += fs;
    to += ts;
  }
}

/** Row i for one strip: reads Z from `z`, writes it to `to`, which may be the same. */
function stepStrip<T>(
  job: Job,
  step: Step,
  entry: i32,
  i: i32,
  from: usize,
  length: usize,
  z: usize,
  zs: usize,
  to: usize,
  ts: usize,
): void {
  const x = job.operand(Operands.x);
  const out = job.operand(Operands.out);
  const write = job.operand(job.writeWidth ? Operands.write : Operands.erase);
  const erase = job.operand(Operands.erase);
  const at = i * step.rs;
  let v = x.entry(entry) + i * x.row + from;
  let w = write.entry(entry) + i * write.row;
  let o = out.entry(entry) + i * out.row + from;
  const e: T = job.eraseWidth == 1 ? load<T>(erase.entry(entry) + i * erase.row) : 1;
  const wide = job.writeWidth > 1;
  if (wide) w += from;
  const partial = length < STRIP;
  if (partial) {
    memory.copy(step.v, v, length);
    v = step.v;
    if (wide) {
      memory.copy(step.w, w, length);
      w = step.w;
    }
    o = step.out;
  }
  const alpha = v128.splat<T>(<T>job.alpha);
  readStrip<T>(z, zs, step.r, step.p + at, step.sum);
  const reads = v128.splat<T>(e);
  for (let j: usize = 0; j < STRIP; j += 16) {
    const written = v128.mul<T>(wide ? v128.load(w + j) : v128.load_splat<T>(w), v128.load(v + j));
    v128.store(step.sum + j, nmadd<T>(written, reads, v128.load(step.sum + j)));
  }
  const k = step.k + at;
  const q = step.q + at;
  const s = step.s + at;
  const f = step.e + at;
  if (job.decayKind == Decay.none)
    writeStrip<T, Plain>(z, zs, to, ts, step.r, k, q, s, f, step.sum, alpha, o);
  else if (job.decayKind == Decay.row)
    writeStrip<T, Together>(z, zs, to, ts, step.r, k, q, s, f, step.sum, alpha, o);
  else writeStrip<T, Apart>(z, zs, to, ts, step.r, k, q, s, f, step.sum, alpha, o);
  if (partial) memory.copy(out.entry(entry) + i * out.row + from, step.out, length);
}

/** Zᵀ p for one strip. */
function readStrip<T>(z: usize, zs: usize, r: i32, p: usize, sum: usize): void {
  const stop = p + bytes<T>(r);
  let s0 = v128.splat<T>(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  do {
    const end = min(p + BLOCK * sizeof<T>(), stop);
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
function writeStrip<T, D>(
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
    const end = min(k + BLOCK * sizeof<T>(), stop);
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
