import { quads, scratch, type Context } from "./context.js";
import type { Operand, Range } from "./plan.js";
import { chunkMatrix } from "./plans.js";

interface Chunks {
  readonly batches: number;
  readonly rows: number;
  readonly chunk: number;
  readonly chunks: number;
}

/** tril(F_c G_cᵀ, −1) of every chunk. */
export function chunkMatrices(
  ctx: Context,
  of: Chunks & { readonly r: number; readonly f: Operand; readonly g: Operand },
): Range {
  const { batches, rows, chunk, chunks } = of;
  const tcc = scratch(ctx, batches * chunks * chunk * chunk);
  ctx.stream.recorder.dispatch(chunkMatrix, {
    constants: { CHUNK: chunk, THREADS: (chunk / 8) ** 2 },
    params: { f: of.f, g: of.g, rows, rank: quads(of.r), chunks, total: batches * chunks },
    bindings: { f: of.f, g: of.g, tcc },
    workgroups: batches * chunks,
  });
  return tcc;
}
