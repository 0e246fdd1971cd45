import type { RowDotParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets, operand } from "./operands.js";
import { partition } from "./partition.js";
import { byRows } from "./layer-rows.js";
import { rowDotPlan } from "./plans/elements.js";
import { elementOutput } from "./rows.js";
import { segmentSize } from "./segments.js";

/** Computes out_i ← α x_i · y_i. */
export function rowDot(ctx: Context, params: RowDotParams<GpuTensor>): void {
  const { batch, n, p, alpha, x, y, out } = params;
  if (batch * n === 0) return;
  const apart = meets(out, [x, y]);
  const work = { batch, n, chunk: 1, tensors: [x, y, out], scratchBytes: 4, flops: 2 * p };
  const size = segmentSize(work, ctx.budget);
  partition(ctx, batch, n, size, () => ({
    segment(segment): void {
      const { to, finish } = elementOutput(ctx, out, segment, apart);
      const operands = {
        x: operand(ctx, x, segment),
        y: operand(ctx, y, segment),
        out: to,
      };
      const { constants, sizes } = byRows(ctx, segment, p);
      ctx.stream.recorder.dispatch(rowDotPlan, {
        constants,
        params: { ...operands, ...sizes, alpha },
        bindings: operands,
        workgroups: sizes.total,
      });
      finish();
      ctx.stream.spent(2 * p * sizes.count);
    },
    end: (): void => undefined,
  }));
}
