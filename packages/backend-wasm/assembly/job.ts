/**
 * One call, as the host writes it and every thread reads it. The build script takes the fields of these classes, and the
 * members of these enumerations, from this file and generates src/generated/record.ts: the host writes by that.
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
  /** deltaRule, solve and apply on a few rows */
  deltaStep,
  solveStep,
  applyStep,
  deltaRuleVjp,
  causalConv,
  causalConvVjp,
  gatedNorm,
  gatedNormVjp,
}

/** What `decay` says: nothing, one factor a row, one a row and channel of Q and K, or one a row and column of x (apply). */
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
  /** b in solve, a in trilInverse, Q̄ in decayVjp, v in deltaRule */
  x,
  /** of rowDot; K̄ in decayVjp */
  y,
  /** its cotangent in …Vjp */
  out,
  /** ⟨Z₀, Z̄₀⟩, [r, 1], in decayVjp */
  initialState,
  /** its cotangent in …Vjp */
  finalState,
  /** e, of one column or r; the bias of causalConv; z, the gate of gatedNorm */
  erase,
  /** p, where the erase key is one of its own */
  eraseKey,
  /** w, of one column or p; the weight of causalConv and gatedNorm */
  write,
  queryGradient,
  keyGradient,
  /** of x */
  valueGradient,
  eraseGradient,
  eraseKeyGradient,
  writeGradient,
  decayGradient,
  initialStateGradient,
  /** what deltaRule keeps for deltaRuleVjp: delta-kept.ts */
  kept,
}

/** Where the rows of a tensor lie, in bytes: row i of entry e at start + ⌊e/heads⌋·batch + ⌊(e mod heads)/shared⌋·head + i·row. */
@unmanaged
export class Operand {
  /** 0: there is none */
  start!: usize;
  heads!: i32;
  shared!: i32;
  batch!: usize;
  head!: usize;
  row!: usize;

  /** Row 0 of batch entry `e`; 0 where there is no such operand. */
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
  /** f64 */
  wide!: i32;
  alpha!: f64;
  /** added to the squares, or to their mean (gatedNorm), of a row that is normalised; negative: none is */
  eps!: f64;
  /** batch entries */
  batch!: i32;
  /** rows of T; of an entry of `out`, in copy; of a block, in trilInverse */
  n!: i32;
  /** also the taps of causalConv */
  r!: i32;
  /** columns of x, of `out` in copy */
  p!: i32;
  /** rows of a chunk; columns of a block in causalConv */
  chunk!: i32;
  trans!: i32;
  /** z σ(z) in causalConv and gatedNorm; 0: nothing, or σ(z) */
  silu!: i32;
  decayKind!: Decay;
  /** columns of `erase` and `write`, 0 where there is no `write`: deltaRule */
  eraseWidth!: i32;
  writeWidth!: i32;
  /** batch entries of an item, which go through the rows side by side: deltaRule */
  group!: i32;
  /** items per batch entry, or per group of them (solve, apply, inverse, decayVjp, deltaRule); blocks per entry (causalConv) */
  segments!: i32;
  /**
   * Per item: columns (solve, apply, decayVjp, deltaRule, …Step), blocks (trilInverse, causalConv) or rows of all entries
   * together (rowDot, copy, gatedNorm). In deltaRuleVjp, an item of which is one batch entry: chunks whose states are kept at a time.
   */
  segment!: i32;
  /** rows from one state in `kept` to the next, a multiple of 4 */
  keptRows!: i32;
  /** of the first thread; each has its own, `scratchStride` bytes apart */
  scratch!: usize;
  scratchStride!: usize;

  operand(which: Operands): Operand {
    const records = (changetype<usize>(this) + offsetof<Job>() + 7) & -8;
    return changetype<Operand>(records + which * offsetof<Operand>());
  }
}
