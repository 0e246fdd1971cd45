import type { Context } from "./context.js";
import { within } from "./scratch.js";
import type { Segment } from "./segments.js";

/**
 * Cuts an operation into segments, which run one after the other. Batch entries are the outer loop, so that a state is
 * carried along the rows.
 */
export function partition(
  ctx: Context,
  batch: number,
  n: number,
  size: { batches: number; rows: number },
  begin: (batch0: number, batches: number) => { segment(segment: Segment): void; end(): void },
): void {
  for (let batch0 = 0; batch0 < batch; batch0 += size.batches) {
    const batches = Math.min(size.batches, batch - batch0);
    within(ctx, () => {
      const { segment, end } = begin(batch0, batches);
      for (let first = 0; first < n; first += size.rows) {
        const rows = Math.min(size.rows, n - first);
        within(ctx, () => segment({ batch0, batches, first, rows }));
      }
      end();
    });
  }
}
