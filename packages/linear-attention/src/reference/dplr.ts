import { walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← (diag(e^g) + b aᵀ) S + k vᵀ;  o = scale · Sᵀ q: a reads the state before it decays. g, a and b have one number
 * for each key channel: [B, T, heads, K].
 *
 * Diagonal plus low rank, flash-linear-attention, `fla/ops/generalized_delta_rule/dplr/naive.py`.
 */
export function dplr(
  problem: ReferenceProblem,
  {
    query,
    key,
    value,
    a,
    b,
    decay,
  }: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly value: Float64Array;
    readonly a: Float64Array;
    readonly b: Float64Array;
    readonly decay: Float64Array;
  },
): ReferenceResult {
  return walk(problem, query, (state, token) => {
    const { keyWidth, valueWidth } = problem;
    const old = state.read(token.vector(a, keyWidth));
    state.decay(token.vector(decay, keyWidth));
    state.add(token.vector(b, keyWidth), old);
    state.add(token.key(key), token.vector(value, valueWidth));
  });
}
