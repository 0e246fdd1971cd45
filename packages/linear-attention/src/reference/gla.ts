import { walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← diag(e^g) S + k vᵀ;  o = scale · Sᵀ q, with one g for each key channel: [B, T, heads, K].
 *
 * Yang and others, "Gated Linear Attention Transformers", arXiv 2312.06635.
 */
export function gla(
  problem: ReferenceProblem,
  {
    query,
    key,
    value,
    decay,
  }: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly value: Float64Array;
    readonly decay: Float64Array;
  },
): ReferenceResult {
  return walk(problem, query, (state, token) => {
    state.decay(token.vector(decay, problem.keyWidth));
    state.add(token.key(key), token.vector(value, problem.valueWidth));
  });
}
