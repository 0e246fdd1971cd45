import { stageRows } from "./delta-open";
import { Decay, Job, Kernel, Operands } from "./job";
import { madd } from "./lanes";
import { closeStrip, decayRow, layOutStep, openStrip, Step, STRIP, Strip } from "./step";
import { addStrip, readStrip } from "./strip";
import { Apart, Plain } from "./update";

/**
 * Computes solve or apply on a few rows, for the columns that begin `from` to `end` bytes into a row of one batch entry (reference
 * README, equations (2), (3) and (8)). The rows are taken in the order in which they are visited, and each does what the equations say:
 * y = (b − Zᵀ f) / λ or λ x + Zᵀ f, then Z += g yᵀ or g xᵀ.
 */
export function sweepStep<T>(job: Job, entry: i32, from: usize, end: usize, scratch: usize): void {
  const strip = changetype<Strip>(scratch);
  const step = changetype<Step>(scratch + offsetof<Strip>());
  layOutStep<T>(step, job.r);
  stageSweep<T>(job, step, entry);
  const last = job.n - 1;
  const keeps = job.operand(Operands.finalState).start != 0;
  for (; from < end; from += STRIP) {
    const length = min(STRIP, end - from);
    openStrip(job, step, strip, entry, from, length);
    for (let v = 0; v <= last; v++) {
      const i = job.trans ? last - v : v;
      stepRow<T>(job, step, entry, i, from, length, strip);
      // Where no final state is wanted, the last row is not added to the state.
      if (v < last || keeps) addRow<T>(job, step, i, strip);
      strip.z = strip.to;
      strip.zs = strip.ts;
    }
    closeStrip(job, step, entry, from, length);
  }
}

/**
 * Stages F and G. What decays before a row reads is multiplied into F; in the transpose, where it decays after the row
 * was added, it is multiplied into G.
 */
function stageSweep<T>(job: Job, step: Step, entry: i32): void {
  const f = job.operand(job.trans ? Operands.k : Operands.q);
  const g = job.operand(job.trans ? Operands.q : Operands.k);
  stageRows<T>(f.entry(entry), f.row, job.n, job.r, -1, step.p, step.rs);
  stageRows<T>(g.entry(entry), g.row, job.n, job.r, -1, step.k, step.rs);
  if (job.decayKind == Decay.none) return;
  const decay = job.operand(Operands.decay);
  const decays = job.trans ? step.k : step.p;
  for (let i = 0; i < job.n; i++)
    decayRow<T>(step, job.decayKind, i, decay.entry(entry) + i * decay.row, decays + i * step.rs);
}

/** Computes the output of row i for one strip. What is to be added to Z is left in `sum`. */
function stepRow<T>(
  job: Job,
  step: Step,
  entry: i32,
  i: i32,
  from: usize,
  length: usize,
  strip: Strip,
): void {
  const x = job.operand(Operands.x);
  const out = job.operand(Operands.out);
  const diag = job.operand(Operands.diag);
  const partial = length < STRIP;
  let v = x.entry(entry) + i * x.row + from;
  const to = out.entry(entry) + i * out.row + from;
  if (partial) {
    memory.copy(step.v, v, length);
    v = step.v;
  }
  const o = partial ? step.out : to;
  const alpha = v128.splat<T>(<T>job.alpha);
  const lambda = v128.splat<T>(diag.start ? load<T>(diag.entry(entry) + i * diag.row) : 0);
  readStrip<T>(strip.z, strip.zs, step.r, step.p + i * step.rs, step.sum);
  for (let j: usize = 0; j < STRIP; j += 16) {
    const given = v128.load(v + j);
    const sum = v128.load(step.sum + j);
    if (job.kernel == Kernel.solveStep) {
      const y = v128.div<T>(v128.sub<T>(given, sum), lambda);
      v128.store(step.sum + j, y);
      v128.store(o + j, v128.mul<T>(alpha, y));
    } else {
      v128.store(step.sum + j, given);
      const all = diag.start ? madd<T>(sum, lambda, given) : sum;
      v128.store(o + j, v128.mul<T>(alpha, all));
    }
  }
  if (partial) memory.copy(to, step.out, length);
}

/** Adds row i, whose part is in `sum`, to one strip of Z. */
function addRow<T>(job: Job, step: Step, i: i32, strip: Strip): void {
  const at = i * step.rs;
  const k = step.k + at;
  const s = step.s + at;
  const e = step.e + at;
  if (job.decayKind == Decay.none)
    addStrip<T, Plain>(strip.z, strip.zs, strip.to, strip.ts, step.r, k, s, e, step.sum);
  else addStrip<T, Apart>(strip.z, strip.zs, strip.to, strip.ts, step.r, k, s, e, step.sum);
}
