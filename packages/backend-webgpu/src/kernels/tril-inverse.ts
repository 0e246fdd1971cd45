import type { TrilInverseParams } from "@dlrt/core";
import type { GpuTensor } from "../tensor.js";
import { isolated, operand, type Context, type Placed } from "./context.js";
import { trilInversePlan } from "./plans.js";

/** out_b ← A_b⁻¹ by substitution: a workgroup does one block, or four where they have at most 16 rows. */
export function trilInverse(ctx: Context, p: TrilInverseParams<GpuTensor>): void {
  if (p.batch === 0 || p.c === 0) return;
  isolated(ctx, p.out, [p.a], (out) => trilInverseInto(ctx, p, out));
}

function trilInverseInto(ctx: Context, { batch, c, a }: TrilInverseParams<GpuTensor>, out: Placed): void {
  const threads = c <= 32 ? 64 : 128;
  const slots = c <= 16 ? 4 : 1;
  const most = Math.max(1, Math.floor((ctx.budget.bindingBytes - ctx.budget.alignment) / (4 * c * c)));
  for (let batch0 = 0; batch0 < batch; batch0 += most) {
    const batches = Math.min(most, batch - batch0);
    const segment = { batch0, batches, first: 0, rows: c };
    const operands = { a: operand(ctx, a, segment), out: operand(ctx, out, segment) };
    const workgroups = Math.ceil(batches / slots);
    ctx.stream.recorder.dispatch(trilInversePlan, {
      constants: { THREADS: threads, SLOTS: slots },
      params: { ...operands, size: c, count: batches, total: workgroups },
      bindings: operands,
      workgroups,
    });
    ctx.stream.spent((batches * c * c * c) / 3);
  }
}
