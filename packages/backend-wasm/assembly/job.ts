/**
 * One call, as the host writes it and every thread reads it. This file is its only definition: the build (scripts/record.mjs) reads
 * the classes and enumerations here and generates src/generated/record.ts, by which the host writes. Every line of theirs is
 * therefore a member or a field in plain form, or a comment.
 */

export enum Kernel {
  solve,
  apply,
  inverse,
  trilInverse,
  rowDot,
  copy,
  decayVjp,
  deltaRule,
  /** This one and the next two are deltaRule, solve and apply on a few rows, one by one: step.ts. */
  deltaStep,
  solveStep,
  applyStep,
  deltaRuleVjp,
  causalConv,
  causalConvVjp,
  gatedNorm,
  gatedNormVjp,
}

/**
 * What the operand `decay` gives: nothing, one gap a row, one a row and channel of Q and K, or one a row and column of X. A gap is
 * the logarithm of a factor. The last kind occurs in apply alone.
 */
export enum Decay {
  none,
  row,
  channel,
  columns,
}

/** The operands of a call, in the order of their records after the job's own fields. */
export enum Operands {
  diag,
  q,
  k,
  decay,
  /** In solve it is B, in trilInverse the blocks, in decayVjp Q̄, and in deltaRule and its gradients V. */
  x,
  /** In rowDot it is the second operand, in decayVjp K̄. */
  y,
  /** In the gradients of deltaRule, causalConv and gatedNorm it is the cotangent of the output, which is read. */
  out,
  /** In decayVjp it is ⟨Z₀, Z̄₀⟩ of every channel, [r, 1]. */
  initialState,
  /** In the gradients of deltaRule and causalConv it is the cotangent of the final state, which is read. */
  finalState,
  /** The erase gate e of every row, of one column or of r. In causalConv it is the bias, in gatedNorm z, the gate. */
  erase,
  /** The erase key p of every row, where it is not the key k. */
  eraseKey,
  /** The write gate w of every row, of one column or of p. In causalConv and gatedNorm it is the weight. */
  write,
  queryGradient,
  keyGradient,
  /** The gradient of `x`. */
  valueGradient,
  eraseGradient,
  eraseKeyGradient,
  writeGradient,
  decayGradient,
  initialStateGradient,
  /** What deltaRule keeps for deltaRuleVjp: delta-kept.ts says how it lies. */
  kept,
}

/**
 * Says where the rows of a tensor lie, in bytes: row i of batch entry e begins at
 * start + ⌊e / heads⌋ · batch + ⌊(e mod heads) / shared⌋ · head + i · row, modulo 2³², so that strides may be negative.
 */
@unmanaged
export class Operand {
  /** The address of row 0 of entry 0. It is 0 where the call has no such operand. */
  start!: usize;
  heads!: i32;
  shared!: i32;
  batch!: usize;
  head!: usize;
  row!: usize;

  /** Returns the address of row 0 of batch entry `e`, or 0 where the call has no such operand. */
  entry(e: i32): usize {
    if (!this.start) return 0;
    const within = e % this.heads;
    return this.start + <usize>(e / this.heads) * this.batch + <usize>(within / this.shared) * this.head;
  }
}

/**
 * `remaining` is stored last: positive, it opens the job. Its items are counted down, each claimed once; `done` counts
 * those finished.
 */
@unmanaged
export class Job {
  remaining!: i32;
  done!: i32;
  kernel!: Kernel;
  /** 1 where the elements are f64, and 0 where they are f32. */
  wide!: i32;
  /** The factor of the output: α of solve, apply, rowDot and copy, the layer's scale in deltaRule. */
  alpha!: f64;
  /**
   * What is added to the sum of squares by which rows of query and key are normalised, or in gatedNorm to the mean of squares. Where
   * it is negative, none is normalised.
   */
  eps!: f64;
  /** The number of batch entries. */
  batch!: i32;
  /** The number of rows of T. In copy it is that of an entry of `out`, in trilInverse that of a block. */
  n!: i32;
  /** The rank: the number of columns of Q and K. In causalConv it is the number of taps. */
  r!: i32;
  /** The number of columns of X. In copy it is that of `out`, in decayVjp that of `decay`. */
  p!: i32;
  /** The number of rows of a chunk; in the inverse, of an outer block; in causalConv, of columns of a block. */
  chunk!: i32;
  /** 1 where T is transposed. */
  trans!: i32;
  /** 1 where the activation is z σ(z). 0: none in causalConv, σ(z) in gatedNorm. */
  silu!: i32;
  decayKind!: Decay;
  /** The numbers of columns of `erase` and of `write`, in deltaRule and its gradients. The latter is 0 where there is no `write`. */
  eraseWidth!: i32;
  writeWidth!: i32;
  /** How many batch entries one item of deltaRule or its gradients has; they go through the rows side by side. */
  group!: i32;
  /** How many items each batch entry is cut into (solve, apply, inverse, decayVjp, …Step), or each group of them (deltaRule); in causalConv, blocks. */
  segments!: i32;
  /**
   * The size of an item: columns in solve, apply, decayVjp, deltaRule and …Step, blocks in trilInverse and causalConv, and rows of all entries
   * together in rowDot, copy and gatedNorm. In deltaRuleVjp, where an item is a group, it is the number of chunks whose states are kept at a time.
   */
  segment!: i32;
  /** The number of rows from one state in `kept` to the next, a multiple of 4; 0 where nothing is kept. */
  keptRows!: i32;
  /** Where the first thread's scratch begins. That of thread t begins t · `scratchStride` bytes after it. */
  scratch!: usize;
  scratchStride!: usize;

  operand(which: Operands): Operand {
    const records = (changetype<usize>(this) + offsetof<Job>() + 7) & -8;
    return changetype<Operand>(records + which * offsetof<Operand>());
  }
}
