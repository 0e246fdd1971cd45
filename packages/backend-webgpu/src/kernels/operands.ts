import type { Context } from "./context.js";
import type { Placed } from "./placed.js";
import type { Operand, Range } from "./plan.js";
import type { Segment } from "./segments.js";

/** Describes the rows [first, first + rows) of a tensor, in the order visited, for the segment's batch entries. */
export function operand(ctx: Context, t: Placed, segment: Segment, trans = false): Operand {
  const [, n, cols] = t.shape;
  const { batch0, batches, first, rows } = segment;
  if (rows * cols * batches === 0) return ctx.nothing.read;
  const { layout } = t;
  const top = trans ? n - first - rows : first;
  const [low, high] = elementsOf(t, { batch0, batches, first: top, rows });
  const begin = t.offset + 4 * low;
  const lead = begin % ctx.budget.alignment;
  const visited = trans ? n - 1 - first : first;
  return {
    ...layout,
    buffer: t.buffer,
    offset: begin - lead,
    size: lead + 4 * (high - low + 1),
    base: layout.offset + visited * layout.row - low + lead / 4,
    row: trans ? -layout.row : layout.row,
    entry: batch0,
  };
}

/** Returns the least and the greatest element between which those rows lie, counted as the layout's offset is. */
function elementsOf({ shape, layout }: Placed, { batch0, batches, first, rows }: Segment): [number, number] {
  const { offset, heads, shared, batch, head, row } = layout;
  const last = batch0 + batches - 1;
  const sequences = [Math.floor(batch0 / heads), Math.floor(last / heads)] as const;
  const within =
    sequences[0] === sequences[1]
      ? [Math.floor((batch0 % heads) / shared), Math.floor((last % heads) / shared)]
      : [0, heads / shared - 1];
  const ends = [
    sequences.map((index) => index * batch),
    within.map((index) => index * head),
    [first * row, (first + rows - 1) * row],
  ];
  const reach = (of: (...ends: number[]) => number): number =>
    ends.reduce((sum, pair) => sum + of(...pair), offset);
  return [reach(Math.min), reach(Math.max) + shape[2] - 1];
}

/**
 * Describes rows of `width` elements each, `height` of them in each entry, that lie without gaps in a range of their
 * own.
 */
export function packed(range: Range, height: number, width: number, base = 0): Operand {
  const each = height * width;
  return { ...range, base, batch: each, head: 0, row: width, heads: 1, shared: 1, entry: 0 };
}

/**
 * Tells whether `out` lies in the same buffer as an input. Results then go through scratch, because WebGPU lets no
 * dispatch both read and write a buffer.
 */
export function meets(out: Placed, inputs: readonly (Placed | undefined)[]): boolean {
  return inputs.some((input) => input?.buffer === out.buffer);
}
