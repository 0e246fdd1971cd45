import { rankStride } from "./decay-layout";
import { expPair, limited } from "./exp";
import { Decay, Job, Operands } from "./job";
import { loadPart } from "./lanes";

// A few rows are computed one by one, on the state as it lies. The couplings of a chunk, and bringing the state into
// panels and back, would cost more than they save.

/** Up to so many rows are computed in this way. The host asks for it by the same number, which the build takes from here. */
export const ROWS: i32 = 4;
/**
 * The bytes of a row of the state that are computed together: four vectors, one cache line. The host cuts columns by the same number,
 * which the build takes from here.
 */
export const STRIP: usize = 64;
/** Where the rows of one call lie in the scratch: up to ROWS rows of r elements each, `rs` bytes apart. */
@unmanaged
export class Step {
  r!: i32;
  rs!: usize;
  /** The rows that are added to Z: G in solve and apply, K in deltaRule. */
  k!: usize;
  /** The rows of Q, which read Z after their own row was added. Only deltaRule has them. */
  q!: usize;
  /** The rows that read Z first: F in solve and apply, P in deltaRule. What Z decays by before is multiplied into them. */
  p!: usize;
  /** The pair of factors of every row and channel, s + e, by which Z decays. */
  s!: usize;
  e!: usize;
  /** A strip of one row each of the right-hand side, of the write gate and of the output, and the sums: STRIP bytes. */
  v!: usize;
  w!: usize;
  out!: usize;
  sum!: usize;
  /** A strip of the state, [r, STRIP], where the tensor's own is not whole or no final state is wanted. */
  z!: usize;
}

/** Returns the bytes of scratch that one item of a call on a few rows takes. */

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

/**
 * Computes the pair of factors of every channel of row i from the gaps at `gap`. Multiplies `row`, if there is one, by
 * their sum.
 */
export function decayRow<T>(step: Step, kind: Decay, i: i32, gap: usize, row: usize): void {
  const s = step.s + i * step.rs;
  const e = step.e + i * step.rs;
  for (let m: usize = 0; m < step.rs; m += 16) {
    const g = kind == Decay.row ? v128.load_splat<T>(gap) : loadPart<T>(gap, m, step.r);
    expPair<T>(limited<T>(g), v128.splat<T>(0), s + m, e + m);
    if (!row) continue;
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

/**
 * Opens the strip that begins at byte `from`. It lies in the tensors where it is a whole one, and otherwise in scratch,
 * which holds zeros where there is no state.
 */
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

/** Copies a partial strip of the final state to its place. */
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
