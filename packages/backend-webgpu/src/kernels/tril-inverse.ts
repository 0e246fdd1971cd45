import type { TrilInverseParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets, operand } from "./operands.js";
import { trilInversePlan } from "./plans/elements.js";
import { elementOutput } from "./rows.js";
import { within } from "./scratch.js";
import { rowsWithin } from "./segments.js";

/** Computes the inverse of every block of `a` by substitution. A workgroup does one block, or four if they have at most 16 rows. */
export function trilInverse(ctx: Context, { batch, c, a, out }: TrilInverseParams<GpuTensor>): void {
  if (batch === 0 || c === 0) return;
  const apart = meets(out, [a]);
  const threads = c <= 32 ? 64 : 128;
  const slots = c <= 16 ? 4 : 1;
  let most = batch;
  while (most > 1 && [a, out].some((t) => rowsWithin(ctx.budget, t, most) < c)) most = Math.ceil(most / 2);
  for (let batch0 = 0; batch0 < batch; batch0 += most) {
    const batches = Math.min(most, batch - batch0);
    const segment = { batch0, batches, first: 0, rows: c };
    within(ctx, () => {
      const { to, finish } = elementOutput(ctx, out, segment, apart);
      const operands = { a: operand(ctx, a, segment), out: to };
      const workgroups = Math.ceil(batches / slots);
      ctx.stream.recorder.dispatch(trilInversePlan, {
        constants: { THREADS: threads, SLOTS: slots },
        params: { ...operands, size: c, count: batches, total: workgroups },
        bindings: operands,
        workgroups,
      });
      finish();
    });
    ctx.stream.spent((batches * c * c * c) / 3);
  }
}
