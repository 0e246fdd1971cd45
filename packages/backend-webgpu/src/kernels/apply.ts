import { decayKind, type ApplyParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import { carried } from "./carried.js";
import type { Context } from "./context.js";
import { operand } from "./operands.js";
import { scratch } from "./scratch.js";
import { chunkSize, quads } from "./sizes.js";
import { couplings } from "./coupling.js";
import { decayBytes, decayed, type Decayed } from "./decay.js";
import { input } from "./rows.js";
import type { Operand, Range } from "./plan.js";
import { applyChunk, applyDecayingColumns, applyPrefix, applyState } from "./plans/apply.js";
import type { Segment } from "./segments.js";
import { stateSize, type Carry } from "./state.js";

const THREADS = 64;
/** The rows of a chunk where columns of X decay. The shader apply-decaying-columns is written for no other number. */
const COLUMNS_CHUNK = 16;
/** The values of the override DECAY of the shader apply-prefix. */
const STATE_DECAY = { none: 0, row: 1, channel: 2, columns: 3 } as const;

/** What decays: nothing, the whole state by one factor a row of T ("row"), each row of the state or each of its columns by a factor of its own. */
type Decay = keyof typeof STATE_DECAY;

function decayOf({ op, r, decayOn }: ApplyParams<GpuTensor>): Decay {
  const kind = r === 0 && decayOn === "rank" ? "none" : decayKind(op);
  return kind === "channel" && decayOn === "columns" ? "columns" : kind;
}

/**
 * Computes out ← α (op(T) x + F Z₀): first what each chunk adds to the state, then the states before the chunks, and then the
 * rows of all chunks at once.
 */
export function apply(ctx: Context, params: ApplyParams<GpuTensor>): void {
  const { batch, n, r, p, op, x } = params;
  if (batch === 0 || p === 0) return;
  const columns = decayOf(params) === "columns";
  const chunk = columns ? COLUMNS_CHUNK : chunkSize(ctx, params.chunk, n);
  const flops = 4 * r * p + chunk * (2 * r + p);
  const scratchBytes =
    4 * (chunk + 8 * quads(r) + 8 * quads(p)) +
    (16 * stateSize(r, p)) / chunk +
    decayBytes(op.decay, columns ? p : r);
  const inputs = [op.q, op.k, op.diag, op.decay, x];
  const work = { ...params, chunk, flops, scratchBytes, inputs };
  carried(ctx, work, (segment, carry, to) => applySegment(ctx, params, segment, chunk, carry, to));
}

function applySegment(
  ctx: Context,
  params: ApplyParams<GpuTensor>,
  segment: Segment,
  chunk: number,
  carry: Carry,
  out: Operand,
): void {
  const { r, p, trans, alpha, op } = params;
  const { batches, rows } = segment;
  const chunks = Math.ceil(rows / chunk);
  const f = input(ctx, trans ? op.k : op.q, segment, trans);
  const g = input(ctx, trans ? op.q : op.k, segment, trans);
  const x = input(ctx, params.x, segment, trans);
  const diag = op.diag ? operand(ctx, op.diag, segment, trans) : ctx.nothing.read;
  const kind = decayOf(params);
  const columns = kind === "columns";
  const scaled =
    op.decay && kind !== "none"
      ? decayed(ctx, {
          segment,
          chunk,
          trans,
          decay: op.decay,
          ...(columns ? { cols: p, g: x } : { cols: r, f, g }),
        })
      : undefined;
  const coupling = couplings(ctx, {
    ...{ batches, rows, chunk, chunks, r, f, g },
    decayed: columns ? undefined : scaled,
  });
  const sizes = { rows, rank: r, quads: quads(p), chunks };
  const added = columns ? { g, x: scaled?.g ?? x } : { g: scaled?.g ?? g, x };
  const z = chunkStates(ctx, { ...sizes, ...added, batches, chunk, carry, kind, scaled });
  const constants = { CHUNK: chunk, THREADS, DIAG: op.diag ? 1 : 0, STATE: r > 0 ? 1 : 0 };
  if (columns && scaled) {
    const total = batches * chunks * quads(p);
    ctx.stream.recorder.dispatch(applyDecayingColumns, {
      constants,
      params: { f, x, diag, out, ...sizes, total, alpha },
      bindings: { coupling, f, x, diag, z, sums: scaled.sums, out },
      workgroups: Math.ceil(total / THREADS),
    });
    return;
  }
  const total = batches * chunks * (chunk / 8) * quads(p);
  const reading = scaled?.f ?? f;
  ctx.stream.recorder.dispatch(applyChunk, {
    constants,
    params: { f: reading, x, diag, out, ...sizes, states: chunks, total, alpha },
    bindings: { coupling, f: reading, x, diag, z, out },
    workgroups: Math.ceil(total / THREADS),
  });
}

/** Computes the state before every chunk. `carry` goes from the state before the first chunk to that after the last. */
export function chunkStates(
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
    readonly kind: Decay;
    readonly scaled: Decayed | undefined;
  },
): Range {
  const { batches, chunk, rows, rank, chunks, g, x, carry, kind, scaled } = of;
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
    constants: { THREADS, ...(scaled && { DECAY: STATE_DECAY[kind] }) },
    params: { size, chunks, quads: of.quads, total: batches * size },
    bindings: { z, carry: carry.z, lost: carry.lost, factors: scaled?.factors ?? ctx.nothing.read },
    workgroups: Math.ceil((batches * size) / THREADS),
  });
  return z;
}
