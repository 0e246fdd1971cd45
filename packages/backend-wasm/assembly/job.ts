/**
 * One call, as the host writes it (src/job.ts) and every thread reads it. `remaining` is stored last: positive,
 * it opens the job. Its items are counted down, each claimed once; `done` counts those finished.
 */
@unmanaged
export class Job {
  remaining!: i32;
  done!: i32;
  kernel!: i32;
  /** f64 */
  wide!: i32;
  alpha!: f64;
  /** rows of T; of a block, in trilInverse; of all batch entries together, in rowDot */
  n!: i32;
  r!: i32;
  p!: i32;
  chunk!: i32;
  trans!: i32;
  /** items per batch entry (solve, apply, inverse) */
  segments!: i32;
  /** columns (solve, apply), blocks (trilInverse) or rows (rowDot) per item */
  segment!: i32;
  /** blocks, in trilInverse */
  batch!: i32;
  diag!: usize;
  q!: usize;
  k!: usize;
  /** b or x; a, in trilInverse */
  x!: usize;
  /** in rowDot */
  y!: usize;
  out!: usize;
  state!: usize;
  finalState!: usize;
  /** of the first thread; each has its own, `scratchStride` bytes apart */
  scratch!: usize;
  scratchStride!: usize;
}
