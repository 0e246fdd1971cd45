import type { SolveParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import { carried } from "./carried.js";
import type { Context } from "./context.js";
import { operand } from "./operands.js";
import { chunkSize, quads } from "./sizes.js";
import { couplings } from "./coupling.js";
import { decayBytes, decayed } from "./decay.js";
import type { Operand } from "./plan.js";
import { input } from "./rows.js";
import { scan, type SolveSegment } from "./scan.js";
import { scanGroups } from "./scan-cost.js";
import { composeGroups, groupMaps } from "./scan-groups.js";
import type { Segment } from "./segments.js";
import type { Carry } from "./state.js";

/**
 * Computes out ← α op(T)⁻¹ (b − F Z₀): first the couplings S_c of all chunks at once, and then the scan, which carries the state
 * through the chunks, one after the other or, where the context asks for it, in groups at the same time.
 */
export function solve(ctx: Context, params: SolveParams<GpuTensor>): void {
  const { batch, n, r, p, op, b } = params;
  if (batch === 0 || p === 0) return;
  const chunk = chunkSize(ctx, params.chunk, n);
  const flops = 4 * r * p + chunk * (r + p);
  const scratchBytes = 4 * (chunk + 8 * quads(r) + 8 * quads(p)) + decayBytes(op.decay, r);
  const inputs = [op.q, op.k, op.diag, op.decay, b];
  const work = { ...params, chunk, flops, scratchBytes, inputs };
  carried(ctx, work, (segment, carry, to) => solveSegment(ctx, params, segment, chunk, carry, to));
}

function solveSegment(
  ctx: Context,
  params: SolveParams<GpuTensor>,
  segment: Segment,
  chunk: number,
  carry: Carry,
  out: Operand,
): void {
  const { r, p, trans, alpha, op } = params;
  const b = input(ctx, params.b, segment, trans);
  const solving: SolveSegment = { ...walk(ctx, op, segment, { r, chunk, trans }), p, b };
  const groups = scanGroups(ctx, solving);
  if (groups === 1) {
    scan(ctx, solving, { ...carry, out, alpha });
    return;
  }
  const maps = groupMaps(ctx, solving, groups, carry);
  const before = composeGroups(ctx, solving, maps, carry);
  scan(ctx, solving, { z: before, out, alpha, groups });
}

/** Prepares what the scan needs of the operator: F, G and λ in the order visited, decayed, and the couplings. */
export function walk(
  ctx: Context,
  op: SolveParams<GpuTensor>["op"],
  segment: Segment,
  { r, chunk, trans }: { readonly r: number; readonly chunk: number; readonly trans: boolean },
): Omit<SolveSegment, "b" | "p"> {
  const f = input(ctx, trans ? op.k : op.q, segment, trans);
  const g = input(ctx, trans ? op.q : op.k, segment, trans);
  const chunks = Math.ceil(segment.rows / chunk);
  const of = { ...segment, chunk, chunks, r };
  const { decay, diag } = op;
  if (decay === undefined || r === 0) {
    const coupling = couplings(ctx, { ...of, f, g });
    return { ...of, coupling, diag: operand(ctx, diag, segment, trans), f, g };
  }
  const scaled = decayed(ctx, { segment, chunk, trans, decay, cols: r, f, g, diag });
  const coupling = couplings(ctx, { ...of, f, g, decayed: scaled });
  return { ...of, coupling, diag: scaled.diag, f: scaled.f, g: scaled.g, decay: scaled.kind };
}
