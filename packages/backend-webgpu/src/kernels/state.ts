import type { GpuTensor } from "../tensor.js";
import type { Context } from "./context.js";
import { operand, packed } from "./operands.js";
import { scratch, zeros } from "./scratch.js";
import { quads } from "./sizes.js";
import { copyFirst, copyRows } from "./rows.js";
import type { Range } from "./plan.js";
import type { Segment } from "./segments.js";

/** Returns how many vec4 one padded state [4·rank quads, column quads] takes. */
export function stateSize(r: number, p: number): number {
  return 4 * quads(r) * quads(p);
}

interface Part {
  readonly batch0: number;
  readonly batches: number;
  readonly r: number;
  readonly p: number;
}

const rowsOf = ({ batch0, batches, r }: Part): Segment => ({ batch0, batches, first: 0, rows: r });

/** The states that are carried from segment to segment, one for each batch entry, padded to quads. */
export interface Carry {
  readonly z: Range;
  /**
   * What the roundings of `z` have lost so far. It is added to the next term, so that the roundings of the segments do
   * not add up.
   */
  readonly lost: Range;
}

/** Prepares the state before the first segment: a padded copy of `initialState`, or zeros. */
export function loadState(ctx: Context, part: Part, initialState: GpuTensor | undefined): Carry {
  const { batches, r, p } = part;
  const count = batches * 4 * stateSize(r, p);
  const lost = zeros(ctx, count);
  if (count === 0 || !initialState) return { z: zeros(ctx, count), lost };
  const z = scratch(ctx, count);
  const [height, width] = [4 * quads(r), 4 * quads(p)];
  const extent = { batches, rows: r, cols: p, height, width };
  copyRows(ctx, extent, operand(ctx, initialState, rowsOf(part)), packed(z, height, width));
  return { z, lost };
}

/** Copies the state after the last segment to `finalState`, where that is asked for. */
export function storeState(ctx: Context, part: Part, carry: Carry, finalState: GpuTensor | undefined): void {
  const { batches, r, p } = part;
  if (!finalState || batches * r * p === 0) return;
  const from = packed(carry.z, 4 * quads(r), 4 * quads(p));
  copyRows(ctx, { batches, rows: r, cols: p }, from, operand(ctx, finalState, rowsOf(part)));
}

/**
 * In `to`, every batch entry has room for `stride` states. The first of them is replaced by the entry's state in
 * `from`.
 */
export function carryInto(
  ctx: Context,
  { batches, r, p }: Part,
  from: Range,
  stride: number,
  to: Range,
): void {
  copyFirst(ctx, batches, stateSize(r, p), stride, from, to);
}
