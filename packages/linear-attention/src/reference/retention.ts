import { walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← γ_h S + k vᵀ;  o = scale · Sᵀ q, with γ_h = 1 − 2^(−5−h) for head h of the state.
 *
 * Sun and others, "Retentive Network", arXiv 2307.08621, without rotation and normalisation.
 */
export function retention(
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
    state.decay(Float64Array.of(Math.log1p(-(2 ** (-5 - token.head)))));
    state.add(token.key(key), token.vector(value, problem.valueWidth));
  });
}
