import { checkEraseKey, type DeltaRuleParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import { carried } from "./carried.js";
import type { Context } from "./context.js";
import { packed } from "./operands.js";
import { scratch } from "./scratch.js";
import { chunkSize, quads } from "./sizes.js";
import { chunkStates } from "./apply.js";
import { couplingPair } from "./coupling.js";
import { decayBytes, decayed, decayedReading, type Decayed } from "./decay.js";
import { deltaStep } from "./delta-step.js";
import { deltaRows, type DeltaRows } from "./delta-operands.js";
import type { Operand, Range } from "./plan.js";
import { applyChunk } from "./plans/apply.js";
import { copyRows } from "./rows.js";
import { scan, type SolveSegment } from "./scan.js";
import { scanGroups } from "./scan-cost.js";
import { composeGroups, groupMaps } from "./scan-groups.js";
import type { Segment } from "./segments.js";
import { carryInto, stateSize, type Carry } from "./state.js";

const THREADS = 64;

/**
 * Computes U = solve(λ = 1, P, K, g; W, Z₀) and out = scale · (M U + Q Z) on one state, equation (29) of core's reference README: first,
 * for all chunks at once, the couplings of P and of Q with K, which do not depend on the state; then the scan, which keeps the state before
 * every chunk; then all outputs at once.
 */
export function deltaRule(ctx: Context, params: DeltaRuleParams<GpuTensor>): void {
  const { batch, n, r, p, query, key, value, erase, eraseKey, write, decay } = params;
  checkEraseKey(params);
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
  const inputs = [query, key, value, erase, eraseKey, write, decay];
  const work = { ...params, trans: false, chunk, flops, scratchBytes, inputs };
  carried(ctx, work, (segment, carry, to) => deltaSegment(ctx, params, segment, chunk, carry, to));
}

function deltaSegment(
  ctx: Context,
  params: DeltaRuleParams<GpuTensor>,
  segment: Segment,
  chunk: number,
  carry: Carry,
  out: Operand,
): void {
  const { solving, scaled, reading, reads } = deltaChunks(ctx, params, segment, chunk);
  readOut(ctx, {
    ...{ ...solving, ...corrections(ctx, solving, carry, scaled), out, alpha: params.scale },
    coupling: reading,
    f: reads(),
  });
}

/** What is computed of a segment's chunks before the state reaches them. */
export interface DeltaChunks {
  readonly rows: DeltaRows;
  readonly scaled: Decayed | undefined;
  /** What the scan takes: the coupling of P with K, their rows, and the right-hand side W. */
  readonly solving: SolveSegment;
  /** The coupling of Q with K. */
  readonly reading: Range;
  /** Computes what each row of Q reads the state before its chunk with, decay included. */
  reads(): Operand;
}

export function deltaChunks(
  ctx: Context,
  params: Omit<DeltaRuleParams<GpuTensor>, "out" | "finalState">,
  segment: Segment,
  chunk: number,
): DeltaChunks {
  const { r, p, decay } = params;
  const chunks = Math.ceil(segment.rows / chunk);
  const of = { ...segment, chunk, chunks, r, p };
  const rows = deltaRows(ctx, params, segment);
  const { query, key, erase, written } = rows;
  const gaps = decay && r > 0 ? { segment, chunk, trans: false, decay, cols: r } : undefined;
  const scaled = gaps && decayed(ctx, { ...gaps, f: erase, g: key, early: params.eraseKey !== undefined });
  const [coupling, reading] = couplingPair(ctx, { ...of, f: erase, g: key, decayed: scaled }, query);
  const solving: SolveSegment = {
    ...{ ...of, b: written, coupling },
    unit: true,
    diag: scaled?.diag ?? ctx.nothing.read,
    ...(scaled ? { f: scaled.f, g: scaled.g, decay: scaled.kind } : { f: erase, g: key }),
  };
  const reads = (): Operand => (gaps ? decayedReading(ctx, { ...gaps, f: query }) : query);
  return { rows, scaled, solving, reading, reads };
}

export interface Solved {
  readonly corrections: Operand;
  /** The state before every chunk, `stride` of them a batch entry. */
  readonly states: Range;
  readonly stride: number;
}

/**
 * Computes U and the state before every chunk. A sequential scan gives both; after one in groups the states are added up again
 * from U. `carry` goes from the state before the first chunk to that after the last.
 */
function corrections(ctx: Context, of: SolveSegment, carry: Carry, scaled: Decayed | undefined): Solved {
  const { batches, rows, chunk, chunks, r, p } = of;
  const groups = scanGroups(ctx, of);
  if (groups > 1) {
    const u = packed(scratch(ctx, 4 * batches * rows * quads(p)), rows, quads(p));
    const before = copyCarry(ctx, of, carry);
    const maps = groupMaps(ctx, of, groups, before);
    const z = composeGroups(ctx, of, maps, before);
    scan(ctx, of, { z, out: u, alpha: 1, groups });
    const sizes = { batches, chunk, rows, rank: r, quads: quads(p), chunks };
    const states = chunkStates(ctx, { ...sizes, g: of.g, x: u, carry, kind: of.decay ?? "none", scaled });
    return { corrections: u, states, stride: chunks };
  }
  return keptScan(ctx, of, carry);
}

/** Computes the same by a sequential scan, which keeps the state after the last chunk too. */
export function keptScan(ctx: Context, of: SolveSegment, carry: Carry): Solved {
  const { batches, rows, chunks, r, p } = of;
  const u = packed(scratch(ctx, 4 * batches * rows * quads(p)), rows, quads(p));
  const size = stateSize(r, p);
  const stride = chunks + 1;
  const states = scratch(ctx, 4 * batches * stride * size);
  carryInto(ctx, of, carry.z, stride, states);
  scan(ctx, of, { z: states, lost: carry.lost, out: u, alpha: 1, keep: true });
  const last = packed(states, stride, 4 * size, 4 * size * chunks);
  copyRows(ctx, { batches, rows: 1, cols: 4 * size }, last, packed(carry.z, 1, 4 * size));
  return { corrections: u, states, stride };
}

/** Copies a carry, for the same batch entries. */
export function copyCarry(
  ctx: Context,
  { batches, r, p }: Pick<SolveSegment, "batches" | "r" | "p">,
  { z, lost }: Carry,
): Carry {
  const copied = (from: Range): Range => {
    const to = scratch(ctx, 4 * batches * stateSize(r, p));
    carryInto(ctx, { batch0: 0, batches, r, p }, from, 1, to);
    return to;
  };
  return { z: copied(z), lost: copied(lost) };
}

/** Computes out ← α (M U + Q Z) of all chunks at once, with M and its diagonal in `coupling`. */
function readOut(
  ctx: Context,
  of: {
    readonly batches: number;
    readonly rows: number;
    readonly chunk: number;
    readonly chunks: number;
    readonly r: number;
    readonly p: number;
    readonly coupling: Range;
    readonly f: Operand;
    readonly corrections: Operand;
    readonly states: Range;
    readonly stride: number;
    readonly out: Operand;
    readonly alpha: number;
  },
): void {
  const { batches, rows, chunk, chunks, r, p, coupling, f, states, stride, out, alpha } = of;
  const diag = ctx.nothing.read;
  const total = batches * chunks * (chunk / 8) * quads(p);
  ctx.stream.recorder.dispatch(applyChunk, {
    constants: { CHUNK: chunk, THREADS, DIAG: 2, STATE: r > 0 ? 1 : 0 },
    params: {
      ...{ f, x: of.corrections, diag, out },
      ...{ rows, rank: r, quads: quads(p), chunks, states: stride, total, alpha },
    },
    bindings: { coupling, f, x: of.corrections, diag, z: states, out },
    workgroups: Math.ceil(total / THREADS),
  });
}
