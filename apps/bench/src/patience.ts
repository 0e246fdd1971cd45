import type { Contender } from "./contender.js";

/** Flops of a call above which what is slow is left out: it takes seconds, and is called several times. */
const PATIENCE = 4e9;

/** The same contender; a slow one refuses what is too large for it. */
export function sparing(contender: Contender): Contender {
  if (!contender.slow) return contender;
  return {
    ...contender,
    refuses(operation, problem) {
      const refusal = contender.refuses(operation, problem);
      if (refusal !== undefined) return refusal;
      const flops = contender.flops?.(operation, problem) ?? operation.flops(problem);
      return flops > PATIENCE ? "left out to keep the run short; bench --patient runs it" : undefined;
    },
  };
}
