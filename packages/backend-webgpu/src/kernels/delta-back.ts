import type { DeltaRuleVjpParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { operand, packed } from "./operands.js";
import { scratch } from "./scratch.js";
import { quads } from "./sizes.js";
import { couplingPair } from "./coupling.js";
import { storeValues } from "./delta-operands-vjp.js";
import { deltaBackKeys, deltaBackReads, deltaBackScan } from "./plans/delta.js";
import { deltaChunks, keptScan, type DeltaChunks, type Solved } from "./delta-rule.js";
import { storeRows, type Bars } from "./delta-sink.js";
import type { Operand, Range } from "./plan.js";
import { applyState } from "./plans/apply.js";
import { copyRows } from "./rows.js";
import type { Segment } from "./segments.js";
import { stateSize, type Carry } from "./state.js";

const THREADS = 64;
/** How many quads of columns a workgroup of the scan owns. */
const TILE = 8;
/** The values of `decay` among the Params of the shader delta-back-scan. */
const DECAY = { none: 0, row: 1, channel: 2 } as const;

type Params = DeltaRuleVjpParams<GpuTensor>;

/** What the gradients of one segment are computed from. */
interface Back extends DeltaChunks, Solved {
  readonly segment: Segment;
  readonly chunk: number;
  readonly chunks: number;
  /** The number of quads of channels, and of quads of columns. */
  readonly rank: number;
  readonly columns: number;
  readonly r: number;
  readonly p: number;
  /** The cotangent of the output, Ō, multiplied by the scale. */
  readonly outBar: Operand;
}

/**
 * Computes the gradients of one segment's rows, by equation (30) of core's reference README: first, for all chunks at once, what does
 * not depend on the states; then the scans, forward and back; then, for all chunks at once, what depends on the states. `carry` is the
 * state before the segment. `bar` is Z̄ after the segment, and becomes Z̄ before it.
 */
export function deltaBack(
  ctx: Context,
  params: Params,
  segment: Segment,
  { chunk, carry, bar }: { readonly chunk: number; readonly carry: Carry; readonly bar: Carry },
): void {
  const { r, p, gradients } = params;
  const of = deltaChunks(ctx, params, segment, chunk);
  const back: Back = {
    ...of,
    ...keptScan(ctx, of.solving, carry),
    ...{ segment, chunk, chunks: of.solving.chunks, rank: quads(r), columns: quads(p), r, p },
    outBar: scaledCotangent(ctx, params, segment),
  };
  const solvedBar = readBack(ctx, back);
  const statesBar = addedStates(ctx, back);
  scanBack(ctx, back, solvedBar, statesBar, bar);
  const written = storeValues(ctx, params, segment, solvedBar);
  const { query, key, erase, decay } = gradients;
  if (!(query ?? key ?? erase ?? decay)) return;
  const bars = rowsBack(ctx, back, solvedBar, statesBar);
  const { rows, states } = back;
  storeRows(ctx, params, segment, { bars, rows, written, chunk, states, statesBar });
}

const quadRows = (ctx: Context, { batches, rows }: Segment, width: number): Operand =>
  packed(scratch(ctx, 4 * batches * rows * width), rows, width);

function scaledCotangent(ctx: Context, { p, scale, outCotangent }: Params, segment: Segment): Operand {
  const { batches, rows } = segment;
  const width = 4 * quads(p);
  const to = quadRows(ctx, segment, quads(p));
  const extent = { batches, rows, cols: p, width, alpha: scale };
  copyRows(ctx, extent, operand(ctx, outCotangent, segment), packed(to, rows, width));
  return to;
}

/** Computes Mᵀ Ō of every chunk. */
function readBack(ctx: Context, back: Back): Operand {
  const out = quadRows(ctx, back.segment, back.columns);
  const none = ctx.nothing.read;
  const total = tiles(back, back.columns);
  ctx.stream.recorder.dispatch(deltaBackKeys, {
    constants: { CHUNK: back.chunk, THREADS, STATE: 0 },
    params: {
      ...{ f: back.outBar, g: none, x: none, rows: back.segment.rows, chunks: back.chunks },
      ...{ rank: back.columns, quads: 0, first_out: 0, by_row: 0, total },
    },
    bindings: {
      first_coupling: back.reading,
      second_coupling: none,
      sums: none,
      ...{ f: back.outBar, g: none, x: none, z: none, out },
    },
    workgroups: Math.ceil(total / THREADS),
  });
  return out;
}

/** How many threads it takes where each owns eight rows of a chunk by one of `width` quads. */
const tiles = ({ segment, chunk, chunks }: Back, width: number): number =>
  segment.batches * chunks * (chunk / 8) * width;

/** Computes Q̃ᵀ Ō of every chunk. */
function addedStates(ctx: Context, back: Back): Range {
  const { segment, chunk, chunks, rank, columns, r, p, outBar } = back;
  const { batches, rows } = segment;
  const size = stateSize(r, p);
  const z = scratch(ctx, 4 * batches * chunks * size);
  const reading = back.reads();
  const total = batches * chunks * rank * columns;
  ctx.stream.recorder.dispatch(applyState, {
    constants: { CHUNK: chunk, THREADS },
    params: { g: reading, x: outBar, rows, rank: r, quads: columns, chunks, total },
    bindings: { g: reading, x: outBar, z },
    workgroups: Math.ceil(total / THREADS),
  });
  return z;
}

/** Replaces Mᵀ Ō by B̄, and Q̃ᵀ Ō of every chunk by Z̄ after the chunk. */
function scanBack(ctx: Context, back: Back, solvedBar: Operand, statesBar: Range, bar: Carry): void {
  const { segment, chunk, chunks, columns, r, solving } = back;
  const { batches, rows } = segment;
  const total = batches * Math.ceil(columns / TILE);
  // On the way back Z̄ is read with the G of the way forward, K̃, and grows by products with its F, P̃.
  const { f: g, g: f } = solving;
  ctx.stream.recorder.dispatch(deltaBackScan, {
    constants: {
      CHUNK: chunk,
      THREADS: TILE * Math.max(chunk / 8, 4),
    },
    params: {
      ...{ f, g, bar: solvedBar, rows, rank: r, quads: columns, chunks },
      ...{ decay: DECAY[solving.decay ?? "none"], total },
    },
    bindings: {
      ...{ coupling: solving.coupling, factors: solving.diag, f, g, bar: solvedBar },
      ...{ z: statesBar, carry: bar.z, lost: bar.lost },
    },
    workgroups: total,
  });
}

/** Computes −P̄, Q̄ and K̄. The gradients of gates and norms are not in them yet. */
function rowsBack(ctx: Context, back: Back, solvedBar: Operand, statesBar: Range): Bars {
  const { segment, chunk, chunks, rank, columns, p, scaled, outBar, states, stride } = back;
  const { batches, rows } = segment;
  const u = back.corrections;
  const CHANNELS = scaled?.kind === "channel" ? 1 : 0;
  const pair = { batches, rows, chunk, chunks, r: p, f: solvedBar, g: u };
  const decayed = scaled?.kind === "row" ? scaled : undefined;
  const [solves, reads] = couplingPair(ctx, { ...pair, decayed }, outBar);
  const each = batches * rows * rank;
  const range = scratch(ctx, 3 * 4 * each);
  const sums = scaled?.sums ?? ctx.nothing.read;
  const total = tiles(back, rank);
  const workgroups = Math.ceil(total / THREADS);
  const sizes = { rows, rank, quads: columns, chunks, by_row: decayed ? 1 : 0, total };
  const { query: q, key: k, erase } = back.rows;
  for (const [index, coupling, y] of [
    [0, solves, solvedBar],
    [1, reads, outBar],
  ] as const) {
    ctx.stream.recorder.dispatch(deltaBackReads, {
      constants: { CHUNK: chunk, THREADS, CHANNELS },
      params: { y, k, ...sizes, states: stride, first_out: index * each, diag: index },
      bindings: { coupling, sums, y, k, z: states, out: range },
      workgroups,
    });
  }
  const given = { f: q, g: erase, x: u };
  ctx.stream.recorder.dispatch(deltaBackKeys, {
    constants: { CHUNK: chunk, THREADS, STATE: 1, CHANNELS },
    params: { ...given, ...sizes, first_out: 2 * each },
    bindings: {
      ...{ first_coupling: reads, second_coupling: solves, sums, ...given, z: statesBar, out: range },
    },
    workgroups,
  });
  const part = (index: number): Operand => packed(range, rows, 4 * rank, 4 * index * each);
  return { erase: part(0), query: part(1), key: part(2) };
}
