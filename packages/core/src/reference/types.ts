/**
 * One T = Λ + tril(Q Kᵀ, −1) with decay, equation (1), in float64. Matrices of the reference are row-major and belong to
 * one batch entry.
 */
export interface ReferenceOperator {
  /** rows of T */
  readonly n: number;
  /** rank: columns of Q and K */
  readonly r: number;
  /** λ, n. Absent: Λ = 0 */
  readonly diag?: Float64Array | undefined;
  /** Q, n×r */
  readonly q: Float64Array;
  /** K, n×r */
  readonly k: Float64Array;
  /** g, n or n×r (of one column for `decayOn` "columns": n×p); natural logarithms, ≤ 0. Absent: no decay */
  readonly decay?: Float64Array | undefined;
}

export interface ReferenceOptions {
  /** op(T) = Tᵀ. Default false. */
  readonly trans?: boolean | undefined;
  /** Scales y, never the state. Default 1. */
  readonly alpha?: number | undefined;
  /** Z₀, r×p. Default 0. */
  readonly initialState?: Float64Array | undefined;
  /** A last decay of the state after all rows, one number or r: (8) needs it. Default: none. */
  readonly lastGap?: Float64Array | undefined;
  /** "columns": the decay is one number a column of the state, not a row; only `recurrent.apply` takes it. Default "rank". */
  readonly decayOn?: "rank" | "columns" | undefined;
  /** Rows per chunk, ≥ 1, any: only `chunkwise` looks at it. Default 64. */
  readonly chunk?: number | undefined;
}

export interface ReferenceResult {
  /** n×p */
  readonly y: Float64Array;
  /** Z after the last row visited, r×p; a new array */
  readonly finalState: Float64Array;
}

/** `solve` or `apply`, computed in any of the ways; `b` is n×p and never written. */
export type ReferenceMethod = (
  op: ReferenceOperator,
  b: Float64Array,
  p: number,
  options?: ReferenceOptions,
) => ReferenceResult;
