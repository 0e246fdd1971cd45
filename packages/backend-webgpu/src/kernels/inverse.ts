import type { InverseParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets } from "./operands.js";
import { partition } from "./partition.js";
import { zeros } from "./scratch.js";
import { chunkSize, quads } from "./sizes.js";
import { decayBytes } from "./decay.js";
import { output } from "./rows.js";
import { segmentSize, type Segment } from "./segments.js";
import { scan } from "./scan.js";
import { walk } from "./solve.js";
import { stateSize, type Carry } from "./state.js";

/**
 * Computes out ← T⁻¹. Each panel of columns starts from its own T_cc⁻¹ and walks down the rows below it; the rows above
 * it are zero.
 */
export function inverse(ctx: Context, params: InverseParams<GpuTensor>): void {
  const { batch, n, r, op, out } = params;
  if (batch === 0 || n === 0) return;
  const apart = meets(out, [op.q, op.k, op.diag, op.decay]);
  const chunk = chunkSize(ctx, params.chunk, n);
  const flops = 2 * r * n + chunk * (r + n);
  const scratchBytes = 4 * (chunk + 8 * quads(r) + 4 * quads(n)) + decayBytes(op.decay, r);
  const tensors = [op.q, op.k, op.diag, op.decay, out];
  const size = segmentSize({ batch, n, chunk, tensors, scratchBytes, flops }, ctx.budget);
  partition(ctx, batch, n, size, (_, batches) => {
    const count = 4 * batches * stateSize(r, n);
    const carry = { z: zeros(ctx, count), lost: zeros(ctx, count) };
    return {
      segment(segment): void {
        inverseSegment(ctx, params, segment, { chunk, carry, apart });
        ctx.stream.spent(flops * segment.rows * batches);
      },
      end: (): void => undefined,
    };
  });
}

function inverseSegment(
  ctx: Context,
  { r, n, op, out }: InverseParams<GpuTensor>,
  segment: Segment,
  { chunk, carry, apart }: { readonly chunk: number; readonly carry: Carry; readonly apart: boolean },
): void {
  const { to, finish } = output(ctx, out, segment, { apart });
  scan(
    ctx,
    { ...walk(ctx, op, segment, { r, chunk, trans: false }), p: n, b: ctx.nothing.read },
    { ...carry, out: to, alpha: 1, firstChunk: segment.first / chunk, constants: { INVERSE: 1 } },
  );
  finish();
}
