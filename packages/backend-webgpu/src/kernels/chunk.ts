import { quads, scratch, type Context } from "./context.js";
import type { Operand, Range } from "./plan.js";
import { chunkMatrix, solveChunk } from "./plans.js";

interface Chunks {
  readonly batches: number;
  readonly rows: number;
  readonly chunk: number;
  readonly chunks: number;
}

/** tril(F_c G_cᵀ, −1) of every chunk; with `diag`, the 16×16 diagonal blocks hold the inverses of T_cc's. */
export function chunkMatrices(
  ctx: Context,
  of: Chunks & { readonly r: number; readonly f: Operand; readonly g: Operand; readonly diag?: Operand },
): Range {
  const { batches, rows, chunk, chunks } = of;
  const tcc = scratch(ctx, batches * chunks * chunk * chunk);
  const diag = of.diag ?? ctx.nothing.read;
  ctx.stream.recorder.dispatch(chunkMatrix, {
    constants: { CHUNK: chunk, INVERT: of.diag ? 1 : 0, THREADS: (chunk / 8) ** 2 },
    params: { f: of.f, g: of.g, diag, rows, rank: quads(of.r), chunks, total: batches * chunks },
    bindings: { f: of.f, g: of.g, diag, tcc },
    workgroups: batches * chunks,
  });
  return tcc;
}

const THREADS = 64;

/** T_cc⁻¹ R_c of every chunk, [batches, rows, 4·quads(cols)]; without `rhs`, R_c = I. */
export function chunkSolutions(
  ctx: Context,
  of: Chunks & { readonly tcc: Range; readonly rhs?: Operand; readonly cols: number },
): Range {
  const { batches, rows, chunk, chunks, cols } = of;
  const x = scratch(ctx, 4 * batches * rows * quads(cols));
  const total = batches * chunks * quads(cols);
  if (total === 0) return x;
  const rhs = of.rhs ?? ctx.nothing.read;
  ctx.stream.recorder.dispatch(solveChunk, {
    constants: { CHUNK: chunk, IDENTITY: of.rhs ? 0 : 1, THREADS },
    params: { rhs, rows, quads: quads(cols), chunks, total },
    bindings: { tcc: of.tcc, rhs, x },
    workgroups: Math.ceil(total / THREADS),
  });
  return x;
}
