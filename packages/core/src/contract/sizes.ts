/** Sizes of one call. All tensors of a call share dtype and batch. Any of the sizes may be 0. */
export interface Sizes {
  readonly batch: number;
  /** rows of T */
  readonly n: number;
  /** rank: columns of Q and K */
  readonly r: number;
  /** columns of the right-hand side */
  readonly p: number;
}
