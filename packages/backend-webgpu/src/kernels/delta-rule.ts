import type { DeltaRuleParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import { chunkSize, meets, packed, partition, quads, scratch, type Context } from "./context.js";
import { couplings } from "./coupling.js";
import { decayBytes, decayed, decayedReading } from "./decay.js";
import { deltaStep } from "./delta-step.js";
import { deltaRows } from "./delta-rows.js";
import type { Operand, Range } from "./plan.js";
import { applyChunk } from "./plans.js";
import { copyRows, output } from "./rows.js";
import { scan } from "./scan.js";
import { segmentSize, type Segment } from "./segments.js";
import { carryInto, loadState, stateSize, storeState, type Carry } from "./state.js";

const THREADS = 64;

/**
 * U = solve(λ = 1, P, K, g; W, Z₀) and out = scale · (M U + Q Z) on one state: first, for all chunks at once, what does not depend on it,
 * the couplings of P and of Q with K; then the scan, which keeps the state before every chunk; then all outputs at once.
 */
export function deltaRule(ctx: Context, params: DeltaRuleParams<GpuTensor>): void {
  const { batch, n, r, p, query, key, value, erase, write, decay, out } = params;
  if (batch === 0 || p === 0) return;
  if (n === 1 && r > 0) {
    deltaStep(ctx, params);
    return;
  }
  const chunk = chunkSize(ctx, params.chunk, n);
  const flops = 6 * r * p + 2 * chunk * (r + p);
  const scratchBytes =
    4 * (2 * chunk + 12 * quads(r) + 12 * quads(p)) +
    (16 * stateSize(r, p)) / chunk +
    decayBytes(decay, r) +
    (decay ? 16 * quads(r) : 0);
  const tensors = [query, key, value, erase, write, decay, out];
  const apart = meets(out, tensors.slice(0, -1));
  const size = segmentSize({ batch, n, chunk, tensors, scratchBytes, flops }, ctx.budget);
  partition(ctx, batch, n, size, (batch0, batches) => {
    const part = { batch0, batches, r, p };
    const carry = loadState(ctx, part, params.initialState);
    return {
      segment(segment): void {
        const { to, finish } = output(ctx, out, segment, { apart });
        deltaSegment(ctx, params, segment, chunk, carry, to);
        finish();
        ctx.stream.spent(flops * segment.rows * batches);
      },
      end: (): void => storeState(ctx, part, carry, params.finalState),
    };
  });
}

function deltaSegment(
  ctx: Context,
  params: DeltaRuleParams<GpuTensor>,
  segment: Segment,
  chunk: number,
  carry: Carry,
  out: Operand,
): void {
  const { r, p } = params;
  const { batches, rows } = segment;
  const chunks = Math.ceil(rows / chunk);
  const of = { ...segment, chunk, chunks, r, p };
  const { query, key, erase, written } = deltaRows(ctx, params, segment);
  const { decay } = params;
  const gaps = decay && r > 0 ? { segment, chunk, trans: false, decay, cols: r } : undefined;
  const scaled = gaps && decayed(ctx, { ...gaps, f: erase, g: key });
  const coupling = couplings(ctx, { ...of, f: erase, g: key, decayed: scaled });
  const size = stateSize(r, p);
  const states = scratch(ctx, 4 * batches * (chunks + 1) * size);
  carryInto(ctx, of, carry.z, chunks + 1, states);
  const corrections = packed(scratch(ctx, 4 * batches * rows * quads(p)), rows, quads(p));
  scan(
    ctx,
    {
      ...{ ...of, coupling, b: written },
      diag: scaled?.diag ?? ctx.nothing.read,
      ...(scaled ? { f: scaled.f, g: scaled.g, decay: scaled.kind } : { f: erase, g: key }),
    },
    { z: states, lost: carry.lost, out: corrections, alpha: 1, constants: { UNIT: 1, KEEP: 1 } },
  );
  if (size > 0) {
    const last = packed(states, chunks + 1, 4 * size, 4 * size * chunks);
    copyRows(ctx, { batches, rows: 1, cols: 4 * size }, last, packed(carry.z, 1, 4 * size));
  }
  readOut(ctx, {
    ...{ segment, chunk, chunks, r, p, states, out, alpha: params.scale },
    corrections,
    coupling: couplings(ctx, { ...of, f: query, g: key, decayed: scaled }),
    reading: gaps ? decayedReading(ctx, { ...gaps, f: query }) : query,
  });
}

/** out ← α (M U + Q Z) for all chunks at once, with M and its diagonal in `coupling`. */
function readOut(
  ctx: Context,
  of: {
    readonly segment: Segment;
    readonly chunk: number;
    readonly chunks: number;
    readonly r: number;
    readonly p: number;
    readonly coupling: Range;
    readonly reading: Operand;
    readonly corrections: Operand;
    readonly states: Range;
    readonly out: Operand;
    readonly alpha: number;
  },
): void {
  const { segment, chunk, chunks, r, p, coupling, reading, corrections, states, out, alpha } = of;
  const { batches, rows } = segment;
  const diag = ctx.nothing.read;
  const total = batches * chunks * (chunk / 4) * quads(p);
  ctx.stream.recorder.dispatch(applyChunk, {
    constants: { CHUNK: chunk, THREADS, DIAG: 2, STATE: r > 0 ? 1 : 0 },
    params: {
      ...{ f: reading, x: corrections, diag, out },
      ...{ rows, rank: r, quads: quads(p), chunks, states: chunks + 1, total, alpha },
    },
    bindings: { coupling, f: reading, x: corrections, diag, z: states, out },
    workgroups: Math.ceil(total / THREADS),
  });
}
