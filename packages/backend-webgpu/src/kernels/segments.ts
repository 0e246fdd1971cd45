/** A part of an operation that is recorded on its own: some batch entries, some rows in the order visited. */
export interface Segment {
  readonly batch0: number;
  readonly batches: number;
  readonly first: number;
  readonly rows: number;
}

export interface Work {
  readonly batch: number;
  readonly n: number;
  /** Rows are cut at multiples of this. */
  readonly chunk: number;
  /** Most columns that a tensor of the operation has. */
  readonly cols: number;
  /** Per row and batch entry: bytes of scratch, floating-point operations. */
  readonly scratchBytes: number;
  readonly flops: number;
}

export interface Budget {
  /** Most bytes one binding may have. */
  readonly bindingBytes: number;
  readonly scratchBytes: number;
  readonly submitFlops: number;
  /** Bytes a binding may begin before the tensor does. */
  readonly alignment: number;
}

const BYTES = 4;

/** How many batch entries, and how many rows, go into one segment so that it keeps within the budget. */
export function segmentSize(work: Work, budget: Budget): { batches: number; rows: number } {
  const whole = (n: number): number => Math.max(1, Math.floor(n));
  const binding = budget.bindingBytes - budget.alignment;
  const batches = Math.min(work.batch, whole(binding / Math.max(BYTES, work.n * work.cols * BYTES)));
  const rowsFor = (count: number): number =>
    Math.min(
      work.n,
      count === 1 ? whole(binding / (Math.max(1, work.cols) * BYTES)) : work.n,
      whole(Math.min(budget.scratchBytes, binding) / (count * Math.max(1, work.scratchBytes))),
      whole(budget.submitFlops / (count * Math.max(1, work.flops))),
    );
  // fewer batch entries at a time rather than many short segments
  const enough = Math.min(work.n, 16 * work.chunk);
  let count = batches;
  while (count > 1 && rowsFor(count) < enough) count = Math.ceil(count / 2);
  const rows = rowsFor(count);
  return { batches: count, rows: rows >= work.n ? work.n : whole(rows / work.chunk) * work.chunk };
}
