import type { Context } from "./context.js";

/** Returns how many vec4 ("quads") hold so many columns. */
export function quads(columns: number): number {
  return Math.ceil(columns / 4);
}

/**
 * Chooses among the chunk sizes that there are kernels for: the nearest one that is not below the hint, or the smallest
 * where there are few rows.
 */
export function chunkSize(ctx: Context, hint: number | undefined, n: number): number {
  const wanted = Math.min(hint ?? ctx.chunk, n <= 16 ? 16 : 64);
  return wanted <= 16 ? 16 : wanted <= 32 ? 32 : 64;
}
