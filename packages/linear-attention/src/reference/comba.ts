import { correction, walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * w = β (v − Sᵀp);  S ← e^g S + k wᵀ;  o = scale · Sᵀ q: the erase key p reads the state before it decays. There is one g
 * and one β for each head. `normalizeKeys` normalises p too.
 *
 * Hu and others, "Comba", arXiv 2506.02475; flash-linear-attention, `fla/ops/comba/fused_recurrent.py`.
 */
export function comba(
  problem: ReferenceProblem,
  {
    query,
    key,
    erase,
    value,
    beta,
    decay,
  }: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly erase: Float64Array;
    readonly value: Float64Array;
    readonly beta: Float64Array;
    readonly decay: Float64Array;
  },
): ReferenceResult {
  return walk(problem, query, (state, token) => {
    const v = token.vector(value, problem.valueWidth);
    const w = correction(token.vector(beta, 1), v, state.read(token.key(erase)));
    state.decay(token.vector(decay, 1));
    state.add(token.key(key), w);
  });
}
