import { sweepApply, sweepSolve } from "./chunk-loop";
import { causalConv } from "./conv";
import { convBytes } from "./conv-layout";
import { causalConvVjp } from "./conv-vjp";
import { copy } from "./copy";
import { decayVjp, decayVjpBytes } from "./decay-vjp";
import { deltaBytes } from "./delta";
import { deltaShare } from "./delta-rule";
import { deltaStep } from "./delta-step";
import { deltaVjp, deltaVjpBytes } from "./delta-vjp";
import { gatedNorm, gatedNormBytes, gatedNormVjp } from "./gated-norm";
import { inverse } from "./inverse";
import { INNER, inverseBytes } from "./inverse-layout";
import { Decay, Job, Kernel, Operands } from "./job";
import { bytes } from "./lanes";
import { loadState, storeState } from "./panels";
import { rowDot } from "./row-dot";
import { stepBytes } from "./step";
import { layOut, Sweep, sweepBytes, walk } from "./sweep";
import { sweepStep } from "./sweep-step";
import { trilInverse, trilInverseBytes } from "./tril-inverse";

/**
 * Works on the job's items until none is left; any number of threads may. The job is read only after a claim: a
 * thread that comes late may find the next one.
 */
export function work(address: usize, thread: i32): void {
  const job = changetype<Job>(address);
  for (let left = claim(job); left > 0; left = claim(job)) {
    const scratch = job.scratch + thread * job.scratchStride;
    if (job.wide) item<f64>(job, left - 1, scratch);
    else item<f32>(job, left - 1, scratch);
    finish(job);
  }
}

/** Returns the bytes of scratch that one thread needs for the job. They are a float, because they may be more than memory can hold. */
export function scratchBytes(address: usize): f64 {
  const job = changetype<Job>(address);
  return job.wide ? needed<f64>(job) : needed<f32>(job);
}

function needed<T>(job: Job): f64 {
  const kernel = job.kernel;
  if (kernel == Kernel.inverse) return inverseBytes<T>(job);
  if (kernel == Kernel.trilInverse) return trilInverseBytes<T>(job.n);
  if (kernel == Kernel.decayVjp) return decayVjpBytes(job);
  if (kernel == Kernel.deltaRule) return deltaBytes<T>(job, job.group, min(job.segment, job.p));
  if (kernel == Kernel.deltaRuleVjp) return deltaVjpBytes<T>(job);
  if (kernel >= Kernel.deltaStep && kernel <= Kernel.applyStep) return stepBytes<T>(job);
  if (kernel == Kernel.causalConv || kernel == Kernel.causalConvVjp) return convBytes(job);
  if (kernel == Kernel.gatedNorm || kernel == Kernel.gatedNormVjp) return gatedNormBytes(job);
  if (kernel > Kernel.inverse) return 0;
  return offsetof<Sweep>() + 16 + sweepBytes<T>(job.r, job.chunk, min(job.segment, job.p), job.decayKind);
}

function claim(job: Job): i32 {
  if (ASC_FEATURE_THREADS) return atomic.sub<i32>(changetype<usize>(job), 1, offsetof<Job>("remaining"));
  return job.remaining--;
}

function finish(job: Job): void {
  if (ASC_FEATURE_THREADS) atomic.add<i32>(changetype<usize>(job), 1, offsetof<Job>("done"));
  else job.done++;
}

function item<T>(job: Job, index: i32, scratch: usize): void {
  const kernel = job.kernel;
  if (kernel <= Kernel.apply) share<T>(job, index, scratch);
  else if (kernel == Kernel.inverse) {
    const segment = index % job.segments;
    inverse<T>(job, index / job.segments, boundary(job, segment), boundary(job, segment + 1), scratch);
  } else if (kernel >= Kernel.deltaStep && kernel <= Kernel.applyStep) {
    const entry = index / job.segments;
    const from = (index % job.segments) * job.segment;
    const end = bytes<T>(min(from + job.segment, job.p));
    if (kernel == Kernel.deltaStep) deltaStep<T>(job, entry, bytes<T>(from), end, scratch);
    else sweepStep<T>(job, entry, bytes<T>(from), end, scratch);
  } else if (kernel == Kernel.deltaRule) deltaShare<T>(job, index, scratch);
  else if (kernel == Kernel.deltaRuleVjp) deltaVjp<T>(job, index, scratch);
  else if (kernel == Kernel.decayVjp) {
    const from = (index % job.segments) * job.segment;
    decayVjp<T>(job, index / job.segments, from, min(from + job.segment, job.p), scratch);
  } else {
    const from = index * job.segment;
    const to = min(from + job.segment, job.batch);
    if (kernel == Kernel.trilInverse) trilInverse<T>(job, from, to, scratch);
    else if (kernel == Kernel.causalConv || kernel == Kernel.causalConvVjp) columns<T>(job, from, scratch);
    else rows<T>(job, from, min(from + job.segment, job.batch * job.n), scratch);
  }
}

/** Computes causalConv or its gradients for one item: `segment` blocks of `chunk` columns, from the block `from` of all entries on. */
function columns<T>(job: Job, from: i32, scratch: usize): void {
  const to = min(from + job.segment, job.batch * job.segments);
  for (let block = from; block < to; block++) {
    const entry = block / job.segments;
    const first = (block - entry * job.segments) * job.chunk;
    const cols = min(job.chunk, job.p - first);
    if (job.kernel == Kernel.causalConv) causalConv<T>(job, entry, first, cols, scratch);
    else causalConvVjp<T>(job, entry, first, cols, scratch);
  }
}

/** Computes rowDot, copy or gatedNorm for the rows [from, to) of all batch entries together, entry by entry. */
function rows<T>(job: Job, from: i32, to: i32, scratch: usize): void {
  while (from < to) {
    const entry = from / job.n;
    const first = from - entry * job.n;
    const end = min(job.n, first + to - from);
    if (job.kernel == Kernel.rowDot) rowDot<T>(job, entry, first, end);
    else if (job.kernel == Kernel.gatedNorm) gatedNorm<T>(job, entry, first, end, scratch);
    else if (job.kernel == Kernel.gatedNormVjp) gatedNormVjp<T>(job, entry, first, end, scratch);
    else copy<T>(job, entry, first, end);
    from += end - first;
  }
}

/**
 * Returns the first column of a segment of the inverse. Column j has n − j elements on and below the diagonal, so the columns are cut
 * where each segment has about the same area of the triangle.
 */
function boundary(job: Job, segment: i32): i32 {
  const n = <f64>job.n;
  if (segment >= job.segments) return job.n;
  return <i32>(n * (1 - Math.sqrt(1 - <f64>segment / <f64>job.segments))) & -INNER;
}

/** Computes one item of solve or apply: some columns of one batch entry. */
function share<T>(job: Job, index: i32, scratch: usize): void {
  const sweep = changetype<Sweep>(scratch);
  const from = (index % job.segments) * job.segment;
  const entry = index / job.segments;
  const cols = min(job.segment, job.p - from);
  const column = bytes<T>(from);
  layOut<T>(sweep, job.n, job.r, job.chunk, cols, job.decayKind, (scratch + offsetof<Sweep>() + 15) & -16);
  walk(sweep, job, entry, job.trans != 0);
  const x = job.operand(Operands.x);
  const out = job.operand(Operands.out);
  const last = job.trans ? job.n - 1 : 0;
  sweep.b = x.entry(entry) + last * x.row + column;
  sweep.bs = job.trans ? 0 - x.row : x.row;
  sweep.out = out.entry(entry) + last * out.row + column;
  sweep.os = job.trans ? 0 - out.row : out.row;
  sweep.alpha = job.alpha;
  if (job.decayKind == Decay.columns) sweep.gap += column;
  const before = job.operand(Operands.initialState);
  const state = before.entry(entry);
  loadState<T>(state ? state + column : 0, before.row, job.r, cols, sweep.z, sweep.zs);
  if (job.kernel == Kernel.solve) sweepSolve<T>(sweep);
  else sweepApply<T>(sweep);
  const after = job.operand(Operands.finalState);
  const end = after.entry(entry);
  if (end) storeState<T>(end + column, after.row, job.r, cols, sweep.z, sweep.zs);
}
