import { decayKind } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { operand, packed } from "./operands.js";
import { scratch } from "./scratch.js";
import { quads } from "./sizes.js";
import type { Placed } from "./placed.js";
import type { Operand, Range } from "./plan.js";
import { decayChunks } from "./plans/solve.js";
import { copyRows } from "./rows.js";
import type { Segment } from "./segments.js";

const THREADS = 64;

/** What becomes of a segment's rows when the decay inside each chunk is applied to them. */
export interface Decayed {
  readonly kind: "row" | "channel";
  /** F_v ∘ exp(s_v), or exp(s_{v−1}) where F reads early. With it a row reads the state at the start of its chunk. */
  readonly f: Operand;
  /** Whether F reads the state before the decay of its own row is applied. */
  readonly early: boolean;
  /** G_v ∘ exp(C_last − s_v): what is left at the chunk's end of what a row contributes to the state. */
  readonly g: Operand;
  /** The sums s_v in two parts, [rows, quads or 1, 2] quads in each entry. */
  readonly sums: Range;
  /**
   * exp(C_last) in two parts, [chunks, 2, factors of a chunk] numbers in each entry. Where λ was asked for, it lies
   * behind them.
   */
  readonly factors: Range;
  /** λ, behind the factors. */
  readonly diag: Operand;
}

interface Rows {
  readonly segment: Segment;
  readonly chunk: number;
  readonly trans: boolean;
  readonly decay: GpuTensor;
  /** The number of columns of F and G. */
  readonly cols: number;
  /** F, counted in quads. Where it is absent, `Decayed.f` is not computed. */
  readonly f?: Operand;
  readonly g: Operand;
  /** Whether F reads the state before the decay of its own row is applied. */
  readonly early?: boolean;
  /** λ, which is put behind the factors for a kernel that has no binding left for it. */
  readonly diag?: Placed;
}

/** The bytes of scratch that the decay takes for each row, where F and G have `cols` columns. */
export function decayBytes(decay: GpuTensor | undefined, cols: number): number {
  return decay ? 4 * (8 * quads(cols) + 8 * (decay.shape[2] === 1 ? 1 : quads(cols)) + 2) : 0;
}

/** Scales F alone, as in `Decayed.f`. It serves for a second F of the same rows. */
export function decayedReading(
  ctx: Context,
  of: Omit<Rows, "f" | "g" | "diag"> & { readonly f: Operand },
): Operand {
  const { batches, rows } = of.segment;
  const width = quads(of.cols);
  const read = scratch(ctx, 4 * batches * rows * width);
  const spare = (): Range => scratch(ctx, 4);
  const outputs = { g_kept: spare(), sums: spare(), factors: spare() };
  dispatchRows(ctx, { ...of, g: ctx.nothing.read }, { f_read: read, ...outputs }, { READ: 1, KEEP: 0 });
  return packed(read, rows, width);
}

/** Computes the sums of gaps, the factors, and F and G scaled by them, in one dispatch; a second dispatch copies λ. */
export function decayed(ctx: Context, of: Rows): Decayed {
  const { segment, chunk, trans, decay, cols, diag } = of;
  const { batches, rows } = segment;
  const kind = decayKind({ decay }) === "channel" ? "channel" : "row";
  const width = quads(cols);
  const chunks = Math.ceil(rows / chunk);
  const count = 2 * batches * chunks * (kind === "channel" ? 4 * width : 1);
  const factors = scratch(ctx, count + (diag ? batches * rows : 0));
  const sums = scratch(ctx, batches * rows * 8 * (kind === "channel" ? width : 1));
  const scaled = (): Range => scratch(ctx, 4 * batches * rows * width);
  const kept = scaled();
  const { f, early = false } = of;
  const together = f && !early ? scaled() : ctx.nothing.write;
  const outputs = { f_read: together, g_kept: kept, sums, factors };
  dispatchRows(ctx, of, outputs, { READ: f && !early ? 1 : 0, KEEP: 1 });
  const read = f && early ? decayedReading(ctx, { ...of, f }) : packed(together, rows, width);
  const lambda = packed(factors, rows, 1, count);
  if (diag) copyRows(ctx, { batches, rows, cols: 1 }, operand(ctx, diag, segment, trans), lambda);
  return { kind, f: read, early, g: packed(kept, rows, width), sums, factors, diag: lambda };
}

function dispatchRows(
  ctx: Context,
  of: Rows,
  outputs: Readonly<Record<"f_read" | "g_kept" | "sums" | "factors", Range>>,
  wanted: { readonly READ: number; readonly KEEP: number },
): void {
  const { segment, chunk, trans, decay, cols, g, early = false } = of;
  const { batches, rows } = segment;
  const width = quads(cols);
  const chunks = Math.ceil(rows / chunk);
  const from = operand(ctx, decay, segment, trans);
  const f = of.f ?? ctx.nothing.read;
  const total = batches * chunks * width;
  const channels = decayKind({ decay }) === "channel" ? 1 : 0;
  ctx.stream.recorder.dispatch(decayChunks, {
    constants: {
      ...{ CHUNK: chunk, THREADS, CHANNELS: channels },
      // rows of K come in their own order either way; those of F read before their row decays
      ...{ TRANS: trans || (early && !wanted.KEEP) ? 1 : 0, ...wanted },
    },
    params: { decay: from, f, g, rows, cols, quads: width, chunks, total },
    bindings: { decay: from, f, g, ...outputs },
    workgroups: Math.ceil(total / THREADS),
  });
}
