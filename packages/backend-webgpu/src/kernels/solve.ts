import type { SolveParams } from "@dlrt/core";
import type { GpuTensor } from "../tensor.js";
import { chunkMatrices } from "./chunk.js";
import { chunkSize, isolated, operand, partition, quads, type Context, type Placed } from "./context.js";
import { input, output } from "./pad.js";
import type { Operand } from "./plan.js";
import { scan, type SolveSegment } from "./scan.js";
import { scanGroups } from "./scan-cost.js";
import { composeGroups, groupMaps } from "./scan-groups.js";
import { segmentSize, type Segment } from "./segments.js";
import { carryIn, carryOut, type Carry } from "./state.js";

/**
 * out ← α op(T)⁻¹ (b − F Z₀): first the matrices S_c of all chunks at once, then the scan that carries the state
 * through the chunks, one after the other or, where the context asks for it, in groups at the same time.
 */
export function solve(ctx: Context, p: SolveParams<GpuTensor>): void {
  if (p.batch === 0 || p.p === 0) return;
  isolated(ctx, p.out, [p.q, p.k, p.b, p.diag], (out) => solveInto(ctx, p, out));
}

function solveInto(ctx: Context, params: SolveParams<GpuTensor>, out: Placed): void {
  const { batch, n, r, p } = params;
  const chunk = chunkSize(ctx, params.chunk, n);
  const flops = 4 * r * p + chunk * (r + p);
  const scratchBytes = 4 * (chunk + 8 * quads(r) + 8 * quads(p));
  const size = segmentSize({ batch, n, chunk, cols: Math.max(r, p), scratchBytes, flops }, ctx.budget);
  partition(ctx, batch, n, size, (batch0, batches) => {
    const part = { batch0, batches, r, p };
    const carry = carryIn(ctx, part, params.state);
    return {
      segment(segment): void {
        const { to, finish } = output(ctx, out, segment, params.trans);
        solveSegment(ctx, params, segment, chunk, carry, to);
        finish();
        ctx.stream.spent(flops * segment.rows * batches);
      },
      end: (): void => carryOut(ctx, part, carry, params.finalState),
    };
  });
}

function solveSegment(
  ctx: Context,
  params: SolveParams<GpuTensor>,
  segment: Segment,
  chunk: number,
  carry: Carry,
  out: Operand,
): void {
  const { r, p, trans, alpha } = params;
  const f = input(ctx, trans ? params.k : params.q, segment, trans);
  const g = input(ctx, trans ? params.q : params.k, segment, trans);
  const diag = operand(ctx, params.diag, segment, trans);
  const b = input(ctx, params.b, segment, trans);
  const chunks = Math.ceil(segment.rows / chunk);
  const tcc = chunkMatrices(ctx, { ...segment, chunk, chunks, r, f, g });
  const solving: SolveSegment = { ...segment, chunk, chunks, r, p, tcc, diag, f, g, b };
  const groups = scanGroups(ctx, solving);
  if (groups === 1) {
    scan(ctx, solving, { ...carry, out, alpha });
    return;
  }
  const maps = groupMaps(ctx, solving, groups, carry);
  const before = composeGroups(ctx, solving, maps, carry);
  scan(ctx, solving, { z: before, out, alpha, groups });
}
