import type { Context } from "./context.js";
import { scratch } from "./scratch.js";
import { quads } from "./sizes.js";
import type { Decayed } from "./decay.js";
import type { Operand, Range } from "./plan.js";
import { couplingPlan, couplingChannelsPlan } from "./plans/solve.js";

interface Chunks {
  readonly batches: number;
  readonly rows: number;
  readonly chunk: number;
  readonly chunks: number;
  readonly r: number;
  readonly f: Operand;
  readonly g: Operand;
  /** The decay of the rows of F and G. Where it is absent, nothing decays. */
  readonly decayed?: Decayed | undefined;
}

/**
 * Computes the coupling of every chunk: tril(F_c G_cᵀ, −1), where each product decays from the earlier row to the later
 * one; on the diagonal stands F·G.
 */
export function couplings(ctx: Context, of: Chunks): Range {
  if (of.decayed?.kind === "channel") return byChannels(ctx, of);
  return staged(ctx, of)[0];
}

/** Computes the couplings of F and those of a second F with the same G. */
export function couplingPair(ctx: Context, of: Chunks, second: Operand): readonly [Range, Range] {
  if (of.decayed?.kind === "channel") return [byChannels(ctx, of), byChannels(ctx, { ...of, f: second })];
  return staged(ctx, of, second);
}

function byChannels(ctx: Context, { batches, rows, chunk, chunks, r, f, g, decayed }: Chunks): Range {
  const coupling = scratch(ctx, batches * chunks * chunk * chunk);
  const workgroups = batches * chunks;
  ctx.stream.recorder.dispatch(couplingChannelsPlan, {
    constants: { CHUNK: chunk, THREADS: (chunk / 8) ** 2 },
    params: { f, g, rows, rank: quads(r), chunks, total: workgroups },
    bindings: { f, g, sums: decayed?.sums ?? ctx.nothing.read, coupling },
    workgroups,
  });
  return coupling;
}

function staged(
  ctx: Context,
  { batches, rows, chunk, chunks, r, f, g, decayed }: Chunks,
  second?: Operand,
): readonly [Range, Range] {
  const COUNT = second ? 2 : 1;
  const count = batches * chunks * chunk * chunk;
  const coupling = scratch(ctx, COUNT * count);
  const operands = { f, second: second ?? ctx.nothing.read, g };
  const workgroups = batches * chunks;
  const across = chunk / 8;
  ctx.stream.recorder.dispatch(couplingPlan, {
    constants: {
      CHUNK: chunk,
      COUNT,
      THREADS: (COUNT * across * (across + 1)) / 2,
      ...(decayed && { DECAY: 1 }),
      ...(decayed?.early && { EARLY: 1 }),
    },
    params: { ...operands, rows, rank: quads(r), chunks, total: workgroups },
    bindings: { ...operands, sums: decayed?.sums ?? ctx.nothing.read, coupling },
    workgroups,
  });
  const half = { buffer: coupling.buffer, size: 4 * count };
  return [
    { ...half, offset: 0 },
    { ...half, offset: second ? 4 * count : 0 },
  ];
}
