import type { Placed } from "./placed.js";

/** A part of an operation that is recorded on its own: some batch entries, and some rows in the order visited. */
export interface Segment {
  readonly batch0: number;
  readonly batches: number;
  readonly first: number;
  readonly rows: number;
}

export interface Work {
  readonly batch: number;
  readonly n: number;
  /** Rows are cut at multiples of this number. */
  readonly chunk: number;
  /** The tensors of which a dispatch binds rows. */
  readonly tensors: readonly (Placed | undefined)[];
  /** The bytes of scratch, and the floating-point operations, for each row of each batch entry. */
  readonly scratchBytes: number;
  readonly flops: number;
}

export interface Budget {
  /** The most bytes that one binding may have. */
  readonly bindingBytes: number;
  readonly scratchBytes: number;
  readonly submitFlops: number;
  /** A binding may begin up to so many bytes before the tensor does. */
  readonly alignment: number;
}

const BYTES = 4;

/**
 * Returns how many rows of `count` neighbouring batch entries one binding reaches. The result is below 1 where it
 * reaches not even one row.
 */
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

/** Returns how many batch entries and how many rows go into one segment so that it keeps within the budget. */
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
  // Fewer batch entries at a time are better than many short segments.
  const enough = Math.min(n, 16 * chunk);
  let count = work.batch;
  while (count > 1 && rowsFor(count) < enough) count = Math.ceil(count / 2);
  const rows = rowsFor(count);
  return { batches: count, rows: rows >= n ? n : whole(rows / chunk) * chunk };
}
