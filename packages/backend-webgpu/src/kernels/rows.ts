import type { Context } from "./context.js";
import { operand, packed } from "./operands.js";
import { scratch } from "./scratch.js";
import { quads } from "./sizes.js";
import type { Placed } from "./placed.js";
import type { Operand, Range } from "./plan.js";
import { copyPlan } from "./plans/elements.js";
import type { Segment } from "./segments.js";

const THREADS = 64;
/** The bytes of a vec4<f32>, a "quad". */
const QUAD = 16;

/** Tells whether the rows of `t` are whole quads where they lie, so that no copy is needed. */
function whole({ shape: [batch, rows, cols], offset, layout }: Placed): boolean {
  const { heads, shared } = layout;
  const strides = [
    rows > 1 ? layout.row : 0,
    heads > shared ? layout.head : 0,
    batch > heads ? layout.batch : 0,
  ];
  return [cols, ...strides].every((count) => count % 4 === 0) && (offset + 4 * layout.offset) % QUAD === 0;
}

/** Describes the same rows with positions and strides counted in quads instead of elements. */
function inQuads(of: Operand): Operand {
  const { base, batch, head, row } = of;
  return { ...of, base: base / 4, batch: quarter(batch), head: quarter(head), row: quarter(row) };
}

/** A stride by which no element is reached need not be a multiple of four. */
const quarter = (stride: number): number => Math.trunc(stride / 4);

/** Describes the same rows with positions and strides counted in elements instead of quads. */
export function inElements(of: Operand): Operand {
  const { base, batch, head, row } = of;
  return { ...of, base: 4 * base, batch: 4 * batch, head: 4 * head, row: 4 * row };
}

/** Describes a tensor's rows in quads, in the order visited: where they lie, or in a copy padded with zeros. */
export function input(ctx: Context, t: Placed, segment: Segment, trans = false): Operand {
  const from = operand(ctx, t, segment, trans);
  if (from === ctx.nothing.read || whole(t)) return inQuads(from);
  const { batches, rows } = segment;
  const width = quads(t.shape[2]);
  const range = scratch(ctx, 4 * batches * rows * width);
  const [, , cols] = t.shape;
  copyRows(ctx, { batches, rows, cols, width: 4 * width }, from, packed(range, rows, 4 * width));
  return packed(range, rows, width);
}

/** Where results are written, and what copies them to their place if that is elsewhere. */
export interface Output {
  readonly to: Operand;
  finish(): void;
}

/**
 * Says where a tensor's rows are written in quads: in scratch if they are not whole quads, or must be kept `apart` from
 * the tensor.
 */
export function output(
  ctx: Context,
  t: Placed,
  segment: Segment,
  { trans = false, apart }: { readonly trans?: boolean; readonly apart: boolean },
): Output {
  const place = operand(ctx, t, segment, trans);
  if (whole(t) && !apart) return { to: inQuads(place), finish: () => undefined };
  const { batches, rows } = segment;
  const [, , cols] = t.shape;
  const width = quads(cols);
  const range = scratch(ctx, 4 * batches * rows * width);
  const from = packed(range, rows, 4 * width);
  return {
    to: packed(range, rows, width),
    finish: () => copyRows(ctx, { batches, rows, cols }, from, place),
  };
}

/**
 * Says where a tensor's rows are written element by element: in scratch if they must be kept `apart` from the tensor.
 */
export function elementOutput(
  ctx: Context,
  t: Placed,
  segment: Segment,
  apart: boolean,
  trans = false,
): Output {
  const place = operand(ctx, t, segment, trans);
  if (!apart) return { to: place, finish: () => undefined };
  const { batches, rows } = segment;
  const [, , cols] = t.shape;
  const to = packed(scratch(ctx, batches * rows * cols), rows, cols);
  return { to, finish: () => copyRows(ctx, { batches, rows, cols }, to, place) };
}

/**
 * What `copyRows` copies: rows × cols of each entry. It writes `height` rows of `width`, which are zero beyond those.
 */
interface Extent {
  readonly batches: number;
  readonly rows: number;
  readonly cols: number;
  readonly height?: number;
  readonly width?: number;
  readonly alpha?: number;
  readonly trans?: boolean;
}

/** Copies into ← α from, or α fromᵀ. */
export function copyRows(ctx: Context, of: Extent, from: Operand, into: Operand): void {
  const { batches, rows, cols, height = rows, width = cols, alpha = 1, trans = false } = of;
  const total = batches * height * width;
  if (total === 0) return;
  ctx.stream.recorder.dispatch(copyPlan, {
    constants: { THREADS, TRANS: trans ? 1 : 0 },
    params: { source: from, into, rows, cols, height, width, total, alpha },
    bindings: { source: from, into },
    workgroups: Math.ceil(total / THREADS),
  });
}

/**
 * Copies one padded array of `size` quads for each batch entry. In the target every batch entry has room for `stride`
 * such arrays: the copy replaces the first of them, and the others stay as they are.
 */
export function copyFirst(
  ctx: Context,
  batches: number,
  size: number,
  stride: number,
  from: Range,
  into: Range,
): void {
  const extent = { batches, rows: 1, cols: 4 * size };
  copyRows(ctx, extent, packed(from, 1, 4 * size), packed(into, stride, 4 * size));
}
