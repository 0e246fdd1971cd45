import type { Call, Operand, Plan, Range } from "./plan.js";
import type { Placed } from "./placed.js";
import type { Budget, Segment } from "./segments.js";

/** What kernels record their commands with. */
export interface Commands {
  readonly scratch: { take(bytes: number): GPUBuffer; mark(): number; releaseTo(mark: number): void };
  dispatch<P extends string, B extends string, C extends string>(
    plan: Plan<P, B, C>,
    call: Call<P, B, C>,
  ): void;
  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void;
  clear(buffer: GPUBuffer, offset: number, bytes: number): void;
}

/** Everything that the kernels work with. */
export interface Context {
  readonly stream: { readonly recorder: Commands; spent(flops: number): void };
  readonly budget: Budget;
  /** Whether the device is software that runs on the CPU. */
  readonly software: boolean;
  /** How many workgroups the device is taken to run at a time. */
  readonly width: number;
  /** The number of rows in a chunk where the call does not say. */
  readonly chunk: number;
  /**
   * How a solve scans its chunks: one after the other, in parallel, or whichever the cost model expects to be faster.
   */
  readonly scan: "auto" | "sequential" | "parallel";
  /** The number of groups of chunks in a parallel scan. Where it is absent, the cost model decides. */
  readonly groups?: number | undefined;
  /** What is bound in the place of a tensor that has no elements. */
  readonly nothing: { readonly read: Operand; readonly write: Operand };
}

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

/** Takes scratch for `count` f32, which this operation alone uses. */
export function scratch(ctx: Context, count: number): Range {
  const size = Math.max(16, 4 * count);
  return { buffer: ctx.stream.recorder.scratch.take(size), offset: 0, size };
}

/** Takes the same scratch, set to zeros. */
export function zeros(ctx: Context, count: number): Range {
  const range = scratch(ctx, count);
  ctx.stream.recorder.clear(range.buffer, range.offset, range.size);
  return range;
}

/** Returns how many vec4 ("quads") hold so many columns. */
export function quads(columns: number): number {
  return Math.ceil(columns / 4);
}

/**
 * Tells whether `out` lies in the same buffer as an input. Results then go through scratch, because WebGPU lets no
 * dispatch both read and write a buffer.
 */
export function meets(out: Placed, inputs: readonly (Placed | undefined)[]): boolean {
  return inputs.some((input) => input?.buffer === out.buffer);
}

/**
 * Chooses among the chunk sizes that there are kernels for: the nearest one that is not below the hint, or the smallest
 * where there are few rows.
 */
export function chunkSize(ctx: Context, hint: number | undefined, n: number): number {
  const wanted = Math.min(hint ?? ctx.chunk, n <= 16 ? 16 : 64);
  return wanted <= 16 ? 16 : wanted <= 32 ? 32 : 64;
}

/** Runs `run`, and then frees the scratch that it took. */
export function within(ctx: Context, run: () => void): void {
  const { scratch: used } = ctx.stream.recorder;
  const mark = used.mark();
  run();
  used.releaseTo(mark);
}

/**
 * Cuts an operation into segments, which run one after the other. Batch entries are the outer loop, so that a state is
 * carried along the rows.
 */
export function partition(
  ctx: Context,
  batch: number,
  n: number,
  size: { batches: number; rows: number },
  begin: (batch0: number, batches: number) => { segment(segment: Segment): void; end(): void },
): void {
  for (let batch0 = 0; batch0 < batch; batch0 += size.batches) {
    const batches = Math.min(size.batches, batch - batch0);
    within(ctx, () => {
      const { segment, end } = begin(batch0, batches);
      for (let first = 0; first < n; first += size.rows) {
        const rows = Math.min(size.rows, n - first);
        within(ctx, () => segment({ batch0, batches, first, rows }));
      }
      end();
    });
  }
}
