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

/** The state that is carried from segment to segment: a padded copy of `state`, or zeros. */
export function carryIn(ctx: Context, part: Part, state: GpuTensor | undefined): Range {
  const count = part.batches * 4 * stateSize(part.r, part.p);
  if (count === 0 || !state) return zeros(ctx, count);
  const carry = scratch(ctx, count);
  const tensor = operand(ctx, state, rowsOf(part));
  move(ctx, 0, tensor, rowsOf(part), part.p, 4 * quads(part.r), { source: tensor, target_: carry });
  return carry;
}

export function carryOut(ctx: Context, part: Part, carry: Range, finalState: GpuTensor | undefined): void {
  if (!finalState || part.batches * stateSize(part.r, part.p) === 0) return;
  const tensor = operand(ctx, finalState, rowsOf(part));
  move(ctx, 1, tensor, rowsOf(part), part.p, 4 * quads(part.r), { source: carry, target_: tensor });
}

/** The first of `stride` states in `to` ← `carry`. */
export function carryInto(
  ctx: Context,
  { batches, r, p }: Part,
  carry: Range,
  stride: number,
  to: Range,
): void {
  moveFirst(ctx, batches, [4 * quads(r), p], stride, { source: carry, target_: to });
}
