import type { Context } from "./context.js";
import type { Range } from "./plan.js";

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

/** Runs `run`, and then frees the scratch that it took. */
export function within(ctx: Context, run: () => void): void {
  const { scratch: used } = ctx.stream.recorder;
  const mark = used.mark();
  run();
  used.releaseTo(mark);
}
