import type { GpuTensor } from "../tensor.js";
import { operand, quads, scratch, type Context } from "./context.js";
import type { Range } from "./plan.js";
import { stateMove } from "./plans.js";
import type { Segment } from "./segments.js";

/** vec4 in one padded state [4·rank quads, column quads]. */
export function stateSize(r: number, p: number): number {
  return 4 * quads(r) * quads(p);
}

const THREADS = 64;

interface Part {
  readonly batch0: number;
  readonly batches: number;
  readonly r: number;
  readonly p: number;
}

const whole = ({ batch0, batches, r }: Part): Segment => ({ batch0, batches, first: 0, rows: r });

/** The state that is carried from segment to segment: a padded copy of `state`, or zeros. */
export function carryIn(ctx: Context, part: Part, state: GpuTensor | undefined): Range {
  const count = part.batches * 4 * stateSize(part.r, part.p);
  const carry = scratch(ctx, count);
  if (count === 0 || !state) {
    ctx.stream.recorder.clear(carry.buffer, 0, carry.size);
    return carry;
  }
  const tensor = operand(ctx, state, whole(part));
  move(ctx, part, count, { MODE: 0 }, tensor, tensor, carry);
  return carry;
}

export function carryOut(ctx: Context, part: Part, carry: Range, finalState: GpuTensor | undefined): void {
  const count = part.batches * 4 * stateSize(part.r, part.p);
  if (count === 0 || !finalState) return;
  const tensor = operand(ctx, finalState, whole(part));
  move(ctx, part, count, { MODE: 1 }, tensor, carry, tensor);
}

/** `carry` ← the first of `stride` states in `from`, for the batch entries flagged. */
export function carryFlagged(
  ctx: Context,
  part: Part,
  from: Range,
  stride: number,
  flag: Range,
  carry: Range,
): void {
  moveFirst(ctx, part, stride, 2, { source: from, flag, target_: carry });
}

/** The first of `stride` states in `to` ← `carry`. */
export function carryInto(ctx: Context, part: Part, carry: Range, stride: number, to: Range): void {
  moveFirst(ctx, part, stride, 3, { source: carry, flag: ctx.nothing.read, target_: to });
}

function moveFirst(
  ctx: Context,
  { batches, r, p }: Part,
  stride: number,
  mode: 2 | 3,
  bindings: Record<"source" | "flag" | "target_", Range>,
): void {
  const total = batches * 4 * stateSize(r, p);
  ctx.stream.recorder.dispatch(stateMove, {
    constants: { THREADS, MODE: mode },
    params: { tensor: ctx.nothing.read, rank: r, cols: p, stride, total },
    bindings,
    workgroups: Math.ceil(total / THREADS),
  });
}

function move(
  ctx: Context,
  part: Part,
  count: number,
  mode: { MODE: number },
  tensor: ReturnType<typeof operand>,
  source: Range,
  target: Range,
): void {
  ctx.stream.recorder.dispatch(stateMove, {
    constants: { THREADS, ...mode },
    params: { tensor, rank: part.r, cols: part.p, stride: 1, total: count },
    bindings: { source, flag: ctx.nothing.read, target_: target },
    workgroups: Math.ceil(count / THREADS),
  });
}
