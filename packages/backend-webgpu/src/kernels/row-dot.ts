import type { RowDotParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import { meets, operand, partition, type Context } from "./context.js";
import { rowDotPlan } from "./plans.js";
import { elementOutput } from "./rows.js";
import { segmentSize } from "./segments.js";

const THREADS = 64;
const LANES = 16;

/** out_i ← α x_i · y_i */
export function rowDot(ctx: Context, params: RowDotParams<GpuTensor>): void {
  const { batch, n, p, alpha, x, y, out } = params;
  if (batch * n === 0) return;
  const apart = meets(out, [x, y]);
  const work = { batch, n, chunk: 1, tensors: [x, y, out], scratchBytes: 4, flops: 2 * p };
  const size = segmentSize(work, ctx.budget);
  partition(ctx, batch, n, size, (_, batches) => ({
    segment(segment): void {
      const { to, finish } = elementOutput(ctx, out, segment, apart);
      const operands = {
        x: operand(ctx, x, segment),
        y: operand(ctx, y, segment),
        out: to,
      };
      const count = batches * segment.rows;
      const workgroups = Math.ceil(count / (THREADS / LANES));
      ctx.stream.recorder.dispatch(rowDotPlan, {
        constants: { THREADS },
        params: { ...operands, rows: segment.rows, cols: p, count, total: workgroups, alpha },
        bindings: operands,
        workgroups,
      });
      finish();
      ctx.stream.spent(2 * p * count);
    },
    end: (): void => undefined,
  }));
}
