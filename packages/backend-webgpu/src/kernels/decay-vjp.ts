import type { DecayVjpParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets, operand } from "./operands.js";
import { partition } from "./partition.js";
import { scratch } from "./scratch.js";
import type { Operand, Range } from "./plan.js";
import { decayVjpPlan } from "./plans/elements.js";
import { elementOutput } from "./rows.js";
import { segmentSize, type Segment } from "./segments.js";

const CHUNK = 64;
const THREADS = 64;

/** Computes ḡ by running sums: first the sum of every chunk, then the sums before every chunk, then the rows. */
export function decayVjp(ctx: Context, p: DecayVjpParams<GpuTensor>): void {
  const { batch, n, r, decay, q, k, qGradient, kGradient, out } = p;
  if (batch * n * r === 0) return;
  const tensors = [decay, q, k, qGradient, kGradient, out];
  const channels = decay.shape[2];
  const scratchBytes = 4 * channels + (8 * channels) / CHUNK;
  const size = segmentSize({ batch, n, chunk: CHUNK, tensors, scratchBytes, flops: 8 * r }, ctx.budget);
  const apart = meets(out, [decay, q, k, qGradient, kGradient]);
  const stride = Math.ceil(size.rows / CHUNK) + 1;
  partition(ctx, batch, n, size, (_, batches) => {
    const sums = scratch(ctx, 2 * batches * channels * stride);
    return {
      segment(segment): void {
        const { to, finish } = elementOutput(ctx, out, segment, apart, p.trans);
        runSegment(ctx, p, segment, { sums, stride, to });
        finish();
        ctx.stream.spent(8 * r * segment.rows * batches);
      },
      end: (): void => undefined,
    };
  });
}

function runSegment(
  ctx: Context,
  p: DecayVjpParams<GpuTensor>,
  segment: Segment,
  { sums, stride, to }: { readonly sums: Range; readonly stride: number; readonly to: Operand },
): void {
  const { r, trans, start } = p;
  const { batch0, batches, first, rows } = segment;
  const channels = p.decay.shape[2];
  const chunks = Math.ceil(rows / CHUNK);
  const none = ctx.nothing.read;
  const at = (t: GpuTensor): Operand => operand(ctx, t, segment, trans);
  const operands = {
    decay: at(p.decay),
    q: at(p.q),
    k: at(p.k),
    q_gradient: at(p.qGradient),
    k_gradient: at(p.kGradient),
    start: start ? operand(ctx, start, { batch0, batches, first: 0, rows: r }) : none,
    out: to,
  };
  for (const pass of [0, 1, 2]) {
    const total = batches * channels * (pass === 1 ? 1 : chunks);
    ctx.stream.recorder.dispatch(decayVjpPlan, {
      constants: {
        CHUNK,
        THREADS,
        PASS: pass,
        CHANNELS: channels > 1 ? 1 : 0,
        TRANS: trans ? 1 : 0,
        FIRST: first === 0 ? 1 : 0,
        START: start ? 1 : 0,
      },
      params: { ...operands, rows, rank: r, chunks, stride, total },
      bindings: {
        ...operands,
        initial: pass === 1 ? operands.start : none,
        sums,
        out: pass === 2 ? to : ctx.nothing.write,
      },
      workgroups: Math.ceil(total / THREADS),
    });
  }
}
