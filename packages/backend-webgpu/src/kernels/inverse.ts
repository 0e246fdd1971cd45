import type { InverseParams } from "@dlrt/core";
import type { GpuTensor } from "../tensor.js";
import { chunkMatrices } from "./chunk.js";
import {
  chunkSize,
  isolated,
  operand,
  partition,
  quads,
  zeros,
  type Context,
  type Placed,
} from "./context.js";
import { input, output } from "./pad.js";
import { segmentSize, type Segment } from "./segments.js";
import { scan } from "./scan.js";
import { stateSize, type Carry } from "./state.js";

/** out ← T⁻¹: each panel of columns starts from its own T_cc⁻¹ and walks down, rows above it zero. */
export function inverse(ctx: Context, p: InverseParams<GpuTensor>): void {
  if (p.batch === 0 || p.n === 0) return;
  isolated(ctx, p.out, [p.q, p.k, p.diag], (out) => inverseInto(ctx, p, out));
}

function inverseInto(ctx: Context, params: InverseParams<GpuTensor>, out: Placed): void {
  const { batch, n, r } = params;
  const chunk = chunkSize(ctx, params.chunk, n);
  const flops = 2 * r * n + chunk * (r + n);
  const scratchBytes = 4 * (chunk + 8 * quads(r) + 4 * quads(n));
  const size = segmentSize({ batch, n, chunk, cols: n, scratchBytes, flops }, ctx.budget);
  partition(ctx, batch, n, size, (_, batches) => {
    const count = 4 * batches * stateSize(r, n);
    const carry = { z: zeros(ctx, count), lost: zeros(ctx, count) };
    return {
      segment(segment): void {
        inverseSegment(ctx, params, segment, chunk, carry, out);
        ctx.stream.spent(flops * segment.rows * batches);
      },
      end: (): void => undefined,
    };
  });
}

function inverseSegment(
  ctx: Context,
  params: InverseParams<GpuTensor>,
  segment: Segment,
  chunk: number,
  carry: Carry,
  out: Placed,
): void {
  const { r, n } = params;
  const f = input(ctx, params.q, segment);
  const g = input(ctx, params.k, segment);
  const chunks = Math.ceil(segment.rows / chunk);
  const of = { ...segment, chunk, chunks };
  const tcc = chunkMatrices(ctx, { ...of, r, f, g });
  const diag = operand(ctx, params.diag, segment);
  const { to, finish } = output(ctx, out, segment);
  scan(
    ctx,
    { ...of, r, p: n, tcc, diag, f, g, b: ctx.nothing.read },
    {
      ...carry,
      out: to,
      alpha: 1,
      firstChunk: segment.first / chunk,
      constants: { INVERSE: 1 },
    },
  );
  finish();
}
