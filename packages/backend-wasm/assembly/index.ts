import { INNER, inverse, inverseBytes } from "./inverse";
import { Job } from "./job";
import { bytes } from "./lanes";
import { readState, writeState } from "./panels";
import { rowDot } from "./row-dot";
import { layOut, Sweep, sweepApply, sweepBytes, sweepSolve } from "./sweep";
import { trilInverse, trilInverseBytes } from "./tril-inverse";

/** Job.kernel; src/job.ts has the same numbers. */
const SOLVE: i32 = 0;
const APPLY: i32 = 1;
const INVERSE: i32 = 2;
const TRIL_INVERSE: i32 = 3;

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

/** Bytes of scratch that a thread needs for the job; a float, as it may be more than memory can hold. */
export function scratchBytes(address: usize): f64 {
  const job = changetype<Job>(address);
  return job.wide ? needed<f64>(job) : needed<f32>(job);
}

function needed<T>(job: Job): f64 {
  if (job.kernel == INVERSE) return inverseBytes<T>(job);
  if (job.kernel == TRIL_INVERSE) return trilInverseBytes<T>(job.n);
  if (job.kernel > INVERSE) return 0;
  return offsetof<Sweep>() + 16 + sweepBytes<T>(job.r, job.chunk, min(job.segment, job.p));
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
  if (kernel <= APPLY) columns<T>(job, index, scratch);
  else if (kernel == INVERSE) {
    const segment = index % job.segments;
    inverse<T>(job, index / job.segments, boundary(job, segment), boundary(job, segment + 1), scratch);
  } else {
    const from = index * job.segment;
    if (kernel == TRIL_INVERSE) trilInverse<T>(job, from, min(from + job.segment, job.batch), scratch);
    else rowDot<T>(job, from, min(from + job.segment, job.n));
  }
}

/** First column of a segment of the inverse: each segment has about the same area of the triangle. */
function boundary(job: Job, segment: i32): i32 {
  const n = <f64>job.n;
  if (segment >= job.segments) return job.n;
  return <i32>(n * (1 - Math.sqrt(1 - <f64>segment / <f64>job.segments))) & -INNER;
}

/** solve and apply on one segment of columns of one batch entry. */
function columns<T>(job: Job, index: i32, scratch: usize): void {
  const sweep = changetype<Sweep>(scratch);
  const from = (index % job.segments) * job.segment;
  const entry = <usize>(index / job.segments);
  const cols = min(job.segment, job.p - from);
  layOut<T>(sweep, job.n, job.r, job.chunk, cols, (scratch + offsetof<Sweep>() + 15) & -16);
  const trans = job.trans != 0;
  const back: isize = trans ? -1 : 1;
  const firstRow = entry * job.n + (trans ? job.n - 1 : 0);
  const rowBytes = bytes<T>(job.p);
  sweep.fs = bytes<T>(job.r) * back;
  sweep.f = (trans ? job.k : job.q) + firstRow * bytes<T>(job.r);
  sweep.g = (trans ? job.q : job.k) + firstRow * bytes<T>(job.r);
  sweep.ds = sizeof<T>() * back;
  sweep.diag = job.diag ? job.diag + firstRow * sizeof<T>() : 0;
  sweep.bs = rowBytes * back;
  sweep.os = sweep.bs;
  sweep.b = job.x + firstRow * rowBytes + bytes<T>(from);
  sweep.out = job.out + firstRow * rowBytes + bytes<T>(from);
  sweep.alpha = job.alpha;
  const state = entry * job.r * rowBytes + bytes<T>(from);
  readState<T>(job.state ? job.state + state : 0, rowBytes, job.r, cols, sweep.z, sweep.zs);
  if (job.kernel == SOLVE) sweepSolve<T>(sweep);
  else sweepApply<T>(sweep);
  writeState<T>(job.finalState ? job.finalState + state : 0, rowBytes, job.r, cols, sweep.z, sweep.zs);
}
