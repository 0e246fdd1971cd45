import { operand, quads, scratch, type Context, type Placed } from "./context.js";
import type { Operand, Range } from "./plan.js";
import { padRows } from "./plans.js";
import type { Segment } from "./segments.js";

const THREADS = 64;
/** Bytes of a vec4<f32>. */
const QUAD = 16;

/** Whether the rows of `t` are whole quads where they are, so that no copy is needed. */
function whole(t: Placed): boolean {
  return t.shape[2] % 4 === 0 && t.offset % QUAD === 0;
}

/** The same operand, its positions and strides counted in quads instead of elements. */
function inQuads(of: Operand): Operand {
  return { ...of, base: of.base / 4, batchStride: of.batchStride / 4, rowStride: of.rowStride / 4 };
}

/** Fresh scratch for the rows of a segment, each padded to whole quads; positions count quads. */
function padded(ctx: Context, segment: Segment, columns: number): Operand {
  const width = quads(columns);
  const range = scratch(ctx, 4 * segment.batches * segment.rows * width);
  return { ...range, base: 0, batchStride: segment.rows * width, rowStride: width };
}

/** A tensor's rows in quads, in the order visited: where they are, or copied and padded with zeros. */
export function input(ctx: Context, t: Placed, segment: Segment, trans = false): Operand {
  const from = operand(ctx, t, segment, trans);
  if (from === ctx.nothing.read || whole(t)) return inQuads(from);
  const into = padded(ctx, segment, t.shape[2]);
  move(ctx, 0, from, segment, t.shape[2], segment.rows, { source: from, target_: into });
  return into;
}

/** Where to write a tensor's rows in quads; `finish` puts them in place if they were written elsewhere. */
export function output(
  ctx: Context,
  t: Placed,
  segment: Segment,
  trans = false,
): { to: Operand; finish: () => void } {
  const place = operand(ctx, t, segment, trans);
  if (whole(t)) return { to: inQuads(place), finish: () => undefined };
  const to = padded(ctx, segment, t.shape[2]);
  const finish = (): void =>
    move(ctx, 1, place, segment, t.shape[2], segment.rows, { source: to, target_: place });
  return { to, finish };
}

/**
 * Copies the rows of a tensor into a padded array (mode 0), whose rows are whole quads and which has `height` rows a
 * batch entry, with zeros where the tensor has nothing; or copies what a padded array has of the tensor back (mode 1).
 */
export function move(
  ctx: Context,
  mode: 0 | 1,
  tensor: Operand,
  { batches, rows }: Pick<Segment, "batches" | "rows">,
  cols: number,
  height: number,
  bindings: Record<"source" | "target_", Range>,
): void {
  const total = batches * height * 4 * quads(cols);
  ctx.stream.recorder.dispatch(padRows, {
    constants: { THREADS, MODE: mode },
    params: { tensor, rows, cols, height, stride: 1, total },
    bindings,
    workgroups: Math.ceil(total / THREADS),
  });
}

/**
 * Copies one padded array a batch entry, [height, cols], to where every batch entry has `stride` of them: each becomes
 * the first of its entry's. The others stay as they are.
 */
export function moveFirst(
  ctx: Context,
  batches: number,
  shape: readonly [height: number, cols: number],
  stride: number,
  bindings: Record<"source" | "target_", Range>,
): void {
  const [height, cols] = shape;
  const total = batches * height * 4 * quads(cols);
  ctx.stream.recorder.dispatch(padRows, {
    constants: { THREADS, MODE: 2 },
    params: { tensor: ctx.nothing.read, rows: height, cols, height, stride, total },
    bindings,
    workgroups: Math.ceil(total / THREADS),
  });
}
