import { walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← e^(Δ A) S + B (Δ x)ᵀ;  y = scale · Sᵀ C + D x, scale 1 unless given. x is [B, T, H, V], Δ (`dt`, after the softplus) [B, T, H],
 * A (negative) and D one number a head, B and C [B, T, G, K] with G groups of heads: heads { query: G, key: G, value: H }.
 *
 * Dao and Gu, "Transformers are SSMs" (Mamba-2), arXiv 2405.21060, equations (1) and (2) with A a scalar times the identity.
 */
export function ssd(
  problem: ReferenceProblem,
  {
    x,
    dt,
    A,
    B,
    C,
    D,
  }: {
    readonly x: Float64Array;
    readonly dt: Float64Array;
    readonly A: Float64Array;
    readonly B: Float64Array;
    readonly C: Float64Array;
    readonly D?: Float64Array | undefined;
  },
): ReferenceResult {
  const own = { ...problem, scale: problem.scale ?? 1 };
  const result = walk(own, C, (state, token) => {
    const [delta] = token.vector(dt, 1);
    state.decay(Float64Array.of(delta! * A[token.head]!));
    state.add(
      token.key(B),
      token.vector(x, problem.valueWidth).map((value) => delta! * value),
    );
  });
  // Heads of the output are those of x: C has no more of them.
  if (D)
    for (let i = 0; i < x.length; i++)
      result.output[i]! += D[Math.floor(i / problem.valueWidth) % D.length]! * x[i]!;
  return result;
}
