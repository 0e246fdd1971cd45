import { correction, walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← S + k [β (v − Sᵀk)]ᵀ;  o = scale · Sᵀ q, with one β for each head: [B, T, heads].
 *
 * Yang and others, "Parallelizing Linear Transformers with the Delta Rule over Sequence Length", arXiv 2406.06484.
 */
export function deltaRule(
  problem: ReferenceProblem,
  {
    query,
    key,
    value,
    beta,
  }: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly value: Float64Array;
    readonly beta: Float64Array;
  },
): ReferenceResult {
  return walk(problem, query, (state, token) => {
    const k = token.key(key);
    const v = token.vector(value, problem.valueWidth);
    state.add(k, correction(token.vector(beta, 1), v, state.read(k)));
  });
}
