import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets, operand } from "./operands.js";
import { partition } from "./partition.js";
import { scratch } from "./scratch.js";
import type { Operand } from "./plan.js";
import { elementOutput, type Output } from "./rows.js";
import { segmentSize, type Segment, type Work } from "./segments.js";

export const THREADS = 64;
/** From this number of rows on, a software device computes one row in each thread, because barriers are slow there. */
export const MANY = 256;

/** Runs the segments one after the other. None of them leaves anything for the next. */
export function inSegments(ctx: Context, work: Work, run: (segment: Segment) => void): void {
  const size = segmentSize(work, ctx.budget);
  partition(ctx, work.batch, work.n, size, (_, batches) => ({
    segment(segment): void {
      run(segment);
      ctx.stream.spent(work.flops * segment.rows * batches);
    },
    end: (): void => undefined,
  }));
}

/** Describes a tensor whose rows all tokens share: the whole of it, or what stands in for it where it is absent. */
export function shared(ctx: Context, t: GpuTensor | undefined, { batch0, batches }: Segment): Operand {
  return t ? operand(ctx, t, { batch0, batches, first: 0, rows: t.shape[1] }) : ctx.nothing.read;
}

/** Describes the segment's rows of a tensor, or what stands in for it where it is absent. */
export function own(ctx: Context, t: GpuTensor | undefined, segment: Segment): Operand {
  return t ? operand(ctx, t, segment) : ctx.nothing.read;
}

/**
 * Says where one dispatch writes each of several results, the absent ones included. A result goes through scratch where
 * it lies in the buffer of an input or of another result: the ranges that a dispatch writes must not overlap, and those
 * of interleaved views do.
 */
export function outputs<Name extends string>(
  ctx: Context,
  wanted: Readonly<Record<Name, GpuTensor | undefined>>,
  inputs: readonly (GpuTensor | undefined)[],
  segment: Segment,
): { readonly to: Readonly<Record<Name, Operand>>; finish(): void } {
  const named = Object.entries(wanted) as [Name, GpuTensor | undefined][];
  const made = named.map(([name, t]): [Name, Output] => {
    if (!t) {
      const to = { ...ctx.nothing.write, ...scratch(ctx, 4) };
      return [name, { to, finish: () => undefined }];
    }
    const others = named.flatMap(([, other]) => (other === t ? [] : [other]));
    return [name, elementOutput(ctx, t, segment, meets(t, [...inputs, ...others]))];
  });
  return {
    to: Object.fromEntries(made.map(([name, { to }]) => [name, to])) as Record<Name, Operand>,
    finish: () => made.forEach(([, { finish }]) => finish()),
  };
}

/**
 * Says how a dispatch is cut in which several threads share a row: its constants, its sizes and its number of
 * workgroups.
 */
export function byRows(
  ctx: Context,
  { batches, rows }: Segment,
  cols: number,
): {
  readonly constants: { readonly THREADS: number; readonly LANES: number };
  readonly sizes: {
    readonly rows: number;
    readonly cols: number;
    readonly count: number;
    readonly total: number;
  };
} {
  const count = batches * rows;
  const LANES = cols < 8 || (ctx.software && count >= MANY) ? 1 : 16;
  const total = Math.ceil(count / (THREADS / LANES));
  return { constants: { THREADS, LANES }, sizes: { rows, cols, count, total } };
}
