import type { CopyParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets, operand } from "./operands.js";
import { partition } from "./partition.js";
import type { Operand } from "./plan.js";
import { copyRows, elementOutput } from "./rows.js";
import { rowsWithin, segmentSize, type Segment } from "./segments.js";

/** Computes out ← α x, or α xᵀ. */
export function copy(ctx: Context, p: CopyParams<GpuTensor>): void {
  const { batch, rows, cols, trans, x, out } = p;
  if (batch * rows * cols === 0) return;
  const apart = meets(out, [x]);
  const tensors = trans ? [out] : [x, out];
  const size = segmentSize(
    { batch, n: rows, chunk: 1, tensors, scratchBytes: 4 * cols, flops: cols },
    ctx.budget,
  );
  partition(ctx, batch, rows, size, (_, batches) => ({
    segment(segment): void {
      const { to, finish } = elementOutput(ctx, out, segment, apart);
      if (trans) copyTransposed(ctx, p, segment, to);
      else {
        copyRows(ctx, { batches, rows: segment.rows, cols, alpha: p.alpha }, operand(ctx, x, segment), to);
      }
      finish();
      ctx.stream.spent(batches * segment.rows * cols);
    },
    end: (): void => undefined,
  }));
}

/** Copies a transpose. The rows of the segment are columns of x, of which as many are bound at a time as fit. */
function copyTransposed(ctx: Context, p: CopyParams<GpuTensor>, segment: Segment, to: Operand): void {
  const { cols, alpha, x } = p;
  const { batch0, batches, rows } = segment;
  const most = Math.max(1, rowsWithin(ctx.budget, x, batches));
  for (let first = 0; first < cols; first += most) {
    const width = Math.min(most, cols - first);
    const from = operand(ctx, x, { batch0, batches, first, rows: width });
    copyRows(
      ctx,
      { batches, rows, cols: width, alpha, trans: true },
      { ...from, base: from.base + segment.first },
      { ...to, base: to.base + first },
    );
  }
}
