import { walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← diag(e^g) S;  S ← S + k [w ∘ v − Sᵀ(b ∘ k)]ᵀ;  o = scale · Sᵀ q, with one number for each key channel in g and in
 * the erase gate b, [B, T, heads, K], and one for each column of the value in the write gate w, [B, T, heads, V].
 *
 * Gated DeltaNet-2 as in flash-linear-attention, `fla/ops/gdn2`: b erases, w writes.
 */
export function gatedDeltaRule2(
  problem: ReferenceProblem,
  {
    query,
    key,
    value,
    erase,
    write,
    decay,
  }: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly value: Float64Array;
    readonly erase: Float64Array;
    readonly write: Float64Array;
    readonly decay: Float64Array;
  },
): ReferenceResult {
  return walk(problem, query, (state, token) => {
    const k = token.key(key);
    const b = token.vector(erase, problem.keyWidth);
    const w = token.vector(write, problem.valueWidth);
    state.decay(token.vector(decay, problem.keyWidth));
    const old = state.read(k.map((x, i) => b[i]! * x));
    state.add(
      k,
      token.vector(value, problem.valueWidth).map((x, j) => w[j]! * x - old[j]!),
    );
  });
}
