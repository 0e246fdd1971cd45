import type { RowDotParams } from "@dlrt/core";
import type { GpuTensor } from "../tensor.js";
import { isolated, operand, partition, type Context, type Placed } from "./context.js";
import { rowDotPlan } from "./plans.js";
import { segmentSize } from "./segments.js";

const THREADS = 64;
const LANES = 16;

/** out_i ← α x_i · y_i */
export function rowDot(ctx: Context, p: RowDotParams<GpuTensor>): void {
  if (p.batch * p.n === 0) return;
  isolated(ctx, p.out, [p.x, p.y], (out) => rowDotInto(ctx, p, out));
}

function rowDotInto(ctx: Context, params: RowDotParams<GpuTensor>, out: Placed): void {
  const { batch, n, p, alpha } = params;
  const size = segmentSize({ batch, n, chunk: 1, cols: p, scratchBytes: 0, flops: 2 * p }, ctx.budget);
  partition(ctx, batch, n, size, (_, batches) => ({
    segment(segment): void {
      const operands = {
        x: operand(ctx, params.x, segment),
        y: operand(ctx, params.y, segment),
        out: operand(ctx, out, segment),
      };
      const count = batches * segment.rows;
      const workgroups = Math.ceil(count / (THREADS / LANES));
      ctx.stream.recorder.dispatch(rowDotPlan, {
        constants: { THREADS },
        params: { ...operands, rows: segment.rows, cols: p, count, total: workgroups, alpha },
        bindings: operands,
        workgroups,
      });
      ctx.stream.spent(2 * p * count);
    },
    end: (): void => undefined,
  }));
}
