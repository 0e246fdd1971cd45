import { correction, walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← e^g S;  n times, j = 1 … n:  S ← S + k_j [β_j (v_j − Sᵀk_j)]ᵀ;  o = scale · Sᵀ q.
 *
 * Key, value and β have n = `steps` rows for each token, [B, T·n, …]; query and g have one. Siems and others, "DeltaProduct", arXiv 2502.10297,
 * with the gate of flash-linear-attention, `fla/ops/gated_delta_product/naive.py`.
 */
export function gatedDeltaProduct(
  problem: ReferenceProblem,
  {
    query,
    key,
    value,
    beta,
    decay,
  }: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly value: Float64Array;
    readonly beta: Float64Array;
    readonly decay?: Float64Array | undefined;
  },
  steps: number,
): ReferenceResult {
  return walk(problem, query, (state, token) => {
    if (decay) state.decay(token.vector(decay, 1));
    for (let j = 0; j < steps; j++) {
      const k = token.key(key, j, steps);
      const v = token.vector(value, problem.valueWidth, j, steps);
      state.add(k, correction(token.vector(beta, 1, j, steps), v, state.read(k)));
    }
  });
}
