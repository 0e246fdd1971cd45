import { correction, walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← e^g S;  S ← S + k [β (v − Sᵀk)]ᵀ;  o = scale · Sᵀ q, with one g and one β for each head: [B, T, heads].
 *
 * Yang, Kautz and Hatamizadeh, "Gated Delta Networks", arXiv 2412.06464.
 */
export function gatedDeltaRule(
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
    readonly decay: Float64Array;
  },
): ReferenceResult {
  return walk(problem, query, (state, token) => {
    const k = token.key(key);
    const v = token.vector(value, problem.valueWidth);
    state.decay(token.vector(decay, 1));
    state.add(k, correction(token.vector(beta, 1), v, state.read(k)));
  });
}
