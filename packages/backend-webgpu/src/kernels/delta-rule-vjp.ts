import type { DeltaRuleVjpParams } from "@dlrt/core/backend";
import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { meets, packed } from "./operands.js";
import { partition } from "./partition.js";
import { scratch, within } from "./scratch.js";
import { chunkSize, quads } from "./sizes.js";
import { decayBytes } from "./decay.js";
import { deltaBack } from "./delta-back.js";
import { copyCarry, deltaChunks } from "./delta-rule.js";
import { elementOutput, copyRows } from "./rows.js";
import { scan } from "./scan.js";
import { rowsWithin, segmentSize, type Segment, type Work } from "./segments.js";
import { loadState, stateSize, storeState, type Carry } from "./state.js";

type Params = DeltaRuleVjpParams<GpuTensor>;

/**
 * Computes the gradients of `deltaRule`. A first pass through all segments keeps nothing but the state before each of them, and what that
 * has lost. Then the segments are gone through from the last: each is computed forward once more, with the state before every chunk kept,
 * and then back.
 */
export function deltaRuleVjp(ctx: Context, params: Params): void {
  const { batch, n, r, p } = params;
  if (r === 0 || p === 0) {
    zeroGradients(ctx, params);
    return;
  }
  const chunk = chunkSize(ctx, params.chunk, n);
  const work = workOf(params, chunk);
  const size = sizeOf(ctx, params, work);
  partition(ctx, batch, n, size, (batch0, batches) => {
    const segments: Segment[] = [];
    return {
      segment: (segment): void => void segments.push(segment),
      end: (): void => entries(ctx, params, { batch0, batches, r, p }, segments, work),
    };
  });
}

/** Computes the gradients of some batch entries, which go through the segments together. */
function entries(
  ctx: Context,
  params: Params,
  part: { readonly batch0: number; readonly batches: number; readonly r: number; readonly p: number },
  segments: readonly Segment[],
  { chunk, flops }: Work,
): void {
  const { initialState, finalStateCotangent, gradients } = params;
  const carry = loadState(ctx, part, initialState);
  const starts = segments.map((segment, index): Carry => {
    if (index === segments.length - 1) return carry;
    const start = copyCarry(ctx, part, carry);
    within(ctx, () => passSegment(ctx, params, segment, chunk, carry));
    ctx.stream.spent((flops / 4) * segment.rows * part.batches);
    return start;
  });
  const bar = loadState(ctx, part, finalStateCotangent);
  for (let index = segments.length - 1; index >= 0; index--) {
    const segment = segments[index]!;
    within(ctx, () => deltaBack(ctx, params, segment, { chunk, carry: starts[index]!, bar }));
    ctx.stream.spent(flops * segment.rows * part.batches);
  }
  storeState(ctx, part, bar, gradients.initialState);
}

/** Takes `carry` from the state before a segment to that after it, and keeps nothing else. */
function passSegment(ctx: Context, params: Params, segment: Segment, chunk: number, carry: Carry): void {
  const { batches, rows } = segment;
  const width = quads(params.p);
  const { solving } = deltaChunks(ctx, params, segment, chunk);
  const out = packed(scratch(ctx, 4 * batches * rows * width), rows, width);
  scan(ctx, solving, { ...carry, out, alpha: 1 });
}

function workOf(params: Params, chunk: number): Work {
  const { batch, n, r, p, decay, gradients } = params;
  const { query, key, value, erase, write, outCotangent } = params;
  const { initialState: _, ...own } = gradients;
  const inputs = [query, key, value, erase, write, decay, outCotangent];
  const outputs = Object.values(own);
  // Whether some gradient lies in a buffer of something else, so that a dispatch cannot write it where it is.
  const apart = outputs.some((t) => t && meets(t, [...inputs, ...outputs.filter((other) => other !== t)]));
  const scratchBytes =
    4 * (4 * chunk + (apart ? 44 : 28) * quads(r) + (apart ? 24 : 16) * quads(p) + 2) +
    (32 * stateSize(r, p)) / chunk +
    decayBytes(decay, r) +
    (decay ? 16 * quads(r) : 0);
  const flops = 16 * r * p + 6 * chunk * (r + p);
  return { batch, n, chunk, scratchBytes, flops, tensors: [...inputs, ...outputs] };
}

/**
 * Chooses the size of the segments. Where there is more than one, a quarter of the scratch is set aside for the states before
 * them.
 */
function sizeOf(ctx: Context, params: Params, work: Work): { batches: number; rows: number } {
  const { n, r, p, initialState, finalStateCotangent, gradients } = params;
  const states = [initialState, finalStateCotangent, gradients.initialState].flatMap((t) => t ?? []);
  const { scratchBytes } = ctx.budget;
  const cut = { ...ctx.budget, scratchBytes: (3 * scratchBytes) / 4 };
  const sized = (batch: number): { batches: number; rows: number } => {
    const whole = segmentSize({ ...work, batch }, ctx.budget);
    return whole.rows === n && whole.batches === batch ? whole : segmentSize({ ...work, batch }, cut);
  };
  const fits = ({ batches, rows }: { batches: number; rows: number }): boolean => {
    const kept = rows === n ? 0 : Math.ceil(n / rows) * batches * 32 * stateSize(r, p);
    return kept <= scratchBytes / 4 && states.every((t) => rowsWithin(ctx.budget, t, batches) >= r);
  };
  let size = sized(work.batch);
  while (size.batches > 1 && !fits(size)) size = sized(Math.ceil(size.batches / 2));
  return size;
}

/** Writes zeros: without a rank or columns only the final state depends on anything, and it has no elements then. */
function zeroGradients(ctx: Context, { batch, gradients }: Params): void {
  for (const t of Object.values(gradients)) {
    const [, rows = 0, cols = 0] = t?.shape ?? [];
    if (!t || batch * rows * cols === 0) continue;
    const { to } = elementOutput(ctx, t, { batch0: 0, batches: batch, first: 0, rows }, false);
    copyRows(ctx, { batches: batch, rows: 0, cols, height: rows }, ctx.nothing.read, to);
  }
}
