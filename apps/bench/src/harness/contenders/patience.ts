import type { Contender } from "./contender.js";

/** Above so many flops, slow contenders are left out: each call takes seconds, and there are several. */
const PATIENCE = 4e9;

/** Returns the same contender, which refuses what is too large for it where it is slow. */
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
