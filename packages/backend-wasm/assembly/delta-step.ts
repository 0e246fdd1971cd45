import { stageRows } from "./delta-open";
import { Decay, Job, Operands } from "./job";
import { loadPart, nmadd } from "./lanes";
import { closeStrip, decayRow, layOutStep, openStrip, Step, STRIP, Strip } from "./step";
import { readStrip, writeStrip } from "./strip";
import { Apart, Plain, Together } from "./update";

/**
 * Computes deltaRule on a few rows, for the columns that begin `from` to `end` bytes into a row of one batch entry, as equation (28) of the
 * reference README says it, row by row: first Zᵀ p, then the new Z and Zᵀ q in one pass, so that the state is gone through twice a row.
 */
export function deltaStep<T>(job: Job, entry: i32, from: usize, end: usize, scratch: usize): void {
  const strip = changetype<Strip>(scratch);
  const step = changetype<Step>(scratch + offsetof<Strip>());
  layOutStep<T>(step, job.r);
  stageStep<T>(job, step, entry);
  for (; from < end; from += STRIP) {
    const length = min(STRIP, end - from);
    openStrip(job, step, strip, entry, from, length);
    for (let i = 0; i < job.n; i++) {
      stepStrip<T>(job, step, entry, i, from, length, strip.z, strip.zs, strip.to, strip.ts);
      strip.z = strip.to;
      strip.zs = strip.ts;
    }
    closeStrip(job, step, entry, from, length);
  }
}

/** Stages K, Q and P of all rows; what Z decays by before a row reads is multiplied into P. */
function stageStep<T>(job: Job, step: Step, entry: i32): void {
  const r = job.r;
  const rs = step.rs;
  const k = job.operand(Operands.k);
  const q = job.operand(Operands.q);
  stageRows<T>(k.entry(entry), k.row, job.n, r, job.eps, step.k, rs);
  stageRows<T>(q.entry(entry), q.row, job.n, r, job.eps, step.q, rs);
  const own = job.operand(Operands.eraseKey);
  const early = own.start != 0;
  if (early) stageRows<T>(own.entry(entry), own.row, job.n, r, job.eps, step.p, rs);
  const erase = job.operand(Operands.erase);
  const decay = job.operand(Operands.decay);
  for (let i = 0; i < job.n; i++) {
    const e = erase.entry(entry) + i * erase.row;
    const at = i * rs;
    for (let m: usize = 0; m < rs; m += 16) {
      let p = v128.load((early ? step.p : step.k) + at + m);
      if (job.eraseWidth > 1) p = v128.mul<T>(p, loadPart<T>(e, m, r));
      v128.store(step.p + at + m, p);
    }
    if (job.decayKind != Decay.none)
      decayRow<T>(step, job.decayKind, i, decay.entry(entry) + i * decay.row, early ? 0 : step.p + at);
  }
}

/** Computes row i for one strip of the state. It reads Z at `z` and writes it to `to`, which may be the same place. */
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
