import { walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * S ← e^(Δ A) S + B (Δ x)ᵀ;  y = scale · Sᵀ C + D x, scale 1 unless given. x is [B, T, H, V], Δ (`dt`, after the softplus) [B, T, H].
 * A (negative) and D have one number for each head. B and C are [B, T, G, K] with G groups of heads: heads { query: G, key: G, value: H }.
 *
 * Dao and Gu, "Transformers are SSMs" (Mamba-2), arXiv 2405.21060, with A a scalar times the identity.
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
  if (D) addSkipped(problem, x, D, result.output);
  return result;
}

/** Computes y ← y + D x. Heads of x are shared where the output has more of them, and so are those of the state, of which D has one each. */
function addSkipped(
  { heads, valueWidth }: ReferenceProblem,
  x: Float64Array,
  D: Float64Array,
  y: Float64Array,
): void {
  const outHeads = Math.max(heads.query, D.length);
  for (let at = 0; at < y.length; at++) {
    const [row, j] = [Math.floor(at / valueWidth), at % valueWidth];
    const [token, head] = [Math.floor(row / outHeads), row % outHeads];
    const stored = (count: number): number =>
      heads.order === "modulo" ? head % count : Math.floor(head / (outHeads / count));
    const own = token * heads.value + stored(heads.value);
    y[at]! += D[stored(D.length)]! * x[own * valueWidth + j]!;
  }
}
