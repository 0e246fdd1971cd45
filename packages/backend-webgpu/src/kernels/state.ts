import type { GpuTensor } from "../tensor.js";
import { operand, quads, scratch, zeros, type Context } from "./context.js";
import { move, moveFirst } from "./pad.js";
import type { Range } from "./plan.js";
import type { Segment } from "./segments.js";

/** vec4 in one padded state [4·rank quads, column quads]. */
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

/** The states, one a batch entry, that are carried from segment to segment, padded to quads. */
export interface Carry {
  readonly z: Range;
  /** What the roundings of `z` have lost so far: added to the next term, so that segments do not add up roundings. */
  readonly lost: Range;
}

/** The state before the first segment: a padded copy of `state`, or zeros. */
export function carryIn(ctx: Context, part: Part, state: GpuTensor | undefined): Carry {
  const count = part.batches * 4 * stateSize(part.r, part.p);
  const lost = zeros(ctx, count);
  if (count === 0 || !state) return { z: zeros(ctx, count), lost };
  const z = scratch(ctx, count);
  const tensor = operand(ctx, state, rowsOf(part));
  move(ctx, 0, tensor, rowsOf(part), part.p, 4 * quads(part.r), { source: tensor, target_: z });
  return { z, lost };
}

/** `finalState`, if asked for, becomes the state after the last segment. */
export function carryOut(ctx: Context, part: Part, carry: Carry, finalState: GpuTensor | undefined): void {
  if (!finalState || part.batches * stateSize(part.r, part.p) === 0) return;
  const tensor = operand(ctx, finalState, rowsOf(part));
  move(ctx, 1, tensor, rowsOf(part), part.p, 4 * quads(part.r), { source: carry.z, target_: tensor });
}

/** Of every batch entry, `to` has `stride` states, and the first of them becomes the one in `from`. */
export function carryInto(
  ctx: Context,
  { batches, r, p }: Part,
  from: Range,
  stride: number,
  to: Range,
): void {
  moveFirst(ctx, batches, [4 * quads(r), p], stride, { source: from, target_: to });
}
