import type { Placed } from "./placed.js";

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
  /** Those that a dispatch binds rows of. */
  readonly tensors: readonly (Placed | undefined)[];
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

/** Rows of `count` neighbouring batch entries that one binding reaches, below 1 if not one. */
export function rowsWithin(budget: Budget, { shape, layout }: Placed, count: number): number {
  const [batch, , cols] = shape;
  const { heads, shared } = layout;
  const sequences = Math.min(batch / heads - 1, Math.ceil((count - 1) / heads));
  const others = Math.min(heads / shared - 1, Math.ceil((count - 1) / shared));
  const between = sequences * Math.abs(layout.batch) + others * Math.abs(layout.head);
  const spare = (budget.bindingBytes - budget.alignment) / BYTES - between - cols;
  if (layout.row === 0) return spare < 0 ? 0 : Number.POSITIVE_INFINITY;
  return 1 + Math.floor(spare / Math.abs(layout.row));
}

/** How many batch entries, and how many rows, go into one segment so that it keeps within the budget. */
export function segmentSize(work: Work, budget: Budget): { batches: number; rows: number } {
  const { n, chunk, tensors } = work;
  const whole = (count: number): number => Math.max(1, Math.floor(count));
  const ownBytes = Math.min(budget.scratchBytes, budget.bindingBytes - budget.alignment);
  const rowsFor = (count: number): number =>
    Math.min(
      n,
      ...tensors.map((t) => (t ? rowsWithin(budget, t, count) : n)),
      whole(ownBytes / (count * Math.max(1, work.scratchBytes))),
      whole(budget.submitFlops / (count * Math.max(1, work.flops))),
    );
  // fewer batch entries at a time rather than many short segments
  const enough = Math.min(n, 16 * chunk);
  let count = work.batch;
  while (count > 1 && rowsFor(count) < enough) count = Math.ceil(count / 2);
  const rows = rowsFor(count);
  return { batches: count, rows: rows >= n ? n : whole(rows / chunk) * chunk };
}
