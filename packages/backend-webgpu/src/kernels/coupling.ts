import { quads, scratch, type Context } from "./context.js";
import type { Decayed } from "./decay.js";
import type { Operand, Range } from "./plan.js";
import { couplingPlan, couplingChannelsPlan } from "./plans.js";

interface Chunks {
  readonly batches: number;
  readonly rows: number;
  readonly chunk: number;
  readonly chunks: number;
  readonly r: number;
  readonly f: Operand;
  readonly g: Operand;
  /** Of the rows of F and G; absent: none. */
  readonly decayed?: Decayed | undefined;
}

/** The coupling of every chunk: tril(F_c G_cᵀ, −1), each product decayed from the later row to the earlier. */
export function couplings(ctx: Context, of: Chunks): Range {
  const { batches, rows, chunk, chunks, f, g, decayed } = of;
  const coupling = scratch(ctx, batches * chunks * chunk * chunk);
  const THREADS = (chunk / 8) ** 2;
  const params = { f, g, rows, rank: quads(of.r), chunks, total: batches * chunks };
  const workgroups = batches * chunks;
  if (decayed?.kind === "channel") {
    ctx.stream.recorder.dispatch(couplingChannelsPlan, {
      constants: { CHUNK: chunk, THREADS },
      params,
      bindings: { f, g, sums: decayed.sums, coupling },
      workgroups,
    });
  } else {
    ctx.stream.recorder.dispatch(couplingPlan, {
      constants: { CHUNK: chunk, THREADS, ...(decayed && { DECAY: 1 }) },
      params,
      bindings: { f, g, sums: decayed?.sums ?? ctx.nothing.read, coupling },
      workgroups,
    });
  }
  return coupling;
}
