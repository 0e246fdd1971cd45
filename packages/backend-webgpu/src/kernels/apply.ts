import type { ApplyParams } from "@dlrt/core";
import type { GpuTensor } from "../tensor.js";
import { chunkMatrices } from "./chunk.js";
import {
  chunkSize,
  isolated,
  operand,
  partition,
  quads,
  scratch,
  type Context,
  type Placed,
} from "./context.js";
import { input, output } from "./pad.js";
import type { Operand, Range } from "./plan.js";
import { applyChunk, applyPrefix, applyState } from "./plans.js";
import { segmentSize, type Segment } from "./segments.js";
import { carryIn, carryOut, stateSize, type Carry } from "./state.js";

const THREADS = 64;

/** out ← α (op(T) x + F Z₀): chunk states, their prefix sums, then every chunk on its own. */
export function apply(ctx: Context, p: ApplyParams<GpuTensor>): void {
  if (p.batch === 0 || p.p === 0) return;
  isolated(ctx, p.out, [p.q, p.k, p.x, p.diag], (out) => applyInto(ctx, p, out));
}

function applyInto(ctx: Context, params: ApplyParams<GpuTensor>, out: Placed): void {
  const { batch, n, r, p } = params;
  const chunk = chunkSize(ctx, params.chunk, n);
  const flops = 4 * r * p + chunk * (2 * r + p);
  const scratchBytes = 4 * (chunk + 8 * quads(r) + 8 * quads(p)) + (16 * stateSize(r, p)) / chunk;
  const size = segmentSize({ batch, n, chunk, cols: Math.max(r, p), scratchBytes, flops }, ctx.budget);
  partition(ctx, batch, n, size, (batch0, batches) => {
    const part = { batch0, batches, r, p };
    const carry = carryIn(ctx, part, params.state);
    return {
      segment(segment): void {
        const { to, finish } = output(ctx, out, segment, params.trans);
        applySegment(ctx, params, segment, chunk, carry, to);
        finish();
        ctx.stream.spent(flops * segment.rows * batches);
      },
      end: (): void => carryOut(ctx, part, carry, params.finalState),
    };
  });
}

function applySegment(
  ctx: Context,
  params: ApplyParams<GpuTensor>,
  segment: Segment,
  chunk: number,
  carry: Carry,
  out: Operand,
): void {
  const { r, p, trans, alpha } = params;
  const { batches, rows } = segment;
  const chunks = Math.ceil(rows / chunk);
  const f = input(ctx, trans ? params.k : params.q, segment, trans);
  const g = input(ctx, trans ? params.q : params.k, segment, trans);
  const x = input(ctx, params.x, segment, trans);
  const diag = params.diag ? operand(ctx, params.diag, segment, trans) : ctx.nothing.read;
  const tcc = chunkMatrices(ctx, { batches, rows, chunk, chunks, r, f, g });
  const sizes = { rows, rank: r, quads: quads(p), chunks };
  const z = chunkStates(ctx, { ...sizes, batches, chunk, g, x, carry });
  const total = batches * chunks * (chunk / 4) * quads(p);
  ctx.stream.recorder.dispatch(applyChunk, {
    constants: { CHUNK: chunk, THREADS, DIAG: params.diag ? 1 : 0, STATE: r > 0 ? 1 : 0 },
    params: { f, x, diag, out, ...sizes, total, alpha },
    bindings: { tcc, f, x, diag, z, out },
    workgroups: Math.ceil(total / THREADS),
  });
}

/** The state before every chunk; `carry` moves past the last. */
function chunkStates(
  ctx: Context,
  of: {
    readonly batches: number;
    readonly chunk: number;
    readonly rows: number;
    readonly rank: number;
    readonly quads: number;
    readonly chunks: number;
    readonly g: Operand;
    readonly x: Operand;
    readonly carry: Carry;
  },
): Range {
  const { batches, chunk, rows, rank, chunks, g, x, carry } = of;
  const size = stateSize(rank, 4 * of.quads);
  const z = scratch(ctx, 4 * batches * chunks * size);
  if (rank === 0) return z;
  const tiles = (batches * chunks * size) / 4;
  ctx.stream.recorder.dispatch(applyState, {
    constants: { CHUNK: chunk, THREADS },
    params: { g, x, rows, rank, quads: of.quads, chunks, total: tiles },
    bindings: { g, x, z },
    workgroups: Math.ceil(tiles / THREADS),
  });
  ctx.stream.recorder.dispatch(applyPrefix, {
    constants: { THREADS },
    params: { size, chunks, total: batches * size },
    bindings: { z, carry: carry.z, lost: carry.lost },
    workgroups: Math.ceil((batches * size) / THREADS),
  });
  return z;
}
