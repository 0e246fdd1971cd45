import { walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← diag(e^w) S + b (aᵀS) + k vᵀ;  o = scale · Sᵀ r, scale 1 unless given: a reads the state before it decays, and w is
 * the logarithm of the decay.
 *
 * Peng and others, "RWKV-7 Goose", arXiv 2503.14456, with the names of flash-linear-attention's `chunk_rwkv7`
 * (there a = −κ̂ and b = κ̂ ∘ η).
 */
export function rwkv7(
  problem: ReferenceProblem,
  {
    r,
    w,
    k,
    v,
    a,
    b,
  }: {
    readonly r: Float64Array;
    readonly w: Float64Array;
    readonly k: Float64Array;
    readonly v: Float64Array;
    readonly a: Float64Array;
    readonly b: Float64Array;
  },
): ReferenceResult {
  const own = { ...problem, scale: problem.scale ?? 1 };
  return walk(own, r, (state, token) => {
    const { keyWidth, valueWidth } = problem;
    const old = state.read(token.vector(a, keyWidth));
    state.decay(token.vector(w, keyWidth));
    state.add(token.vector(b, keyWidth), old);
    state.add(token.key(k), token.vector(v, valueWidth));
  });
}
