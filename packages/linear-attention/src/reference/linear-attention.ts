import { walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← S + k vᵀ;  o = scale · Sᵀ q.
 *
 * Katharopoulos and others, "Transformers are RNNs", arXiv 2006.16236, with the identity for φ and without the normaliser.
 */
export function linearAttention(
  problem: ReferenceProblem,
  {
    query,
    key,
    value,
  }: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly value: Float64Array;
  },
): ReferenceResult {
  return walk(problem, query, (state, token) => {
    state.add(token.key(key), token.vector(value, problem.valueWidth));
  });
}
