/** From T̄, the gradient of every entry of T, to those of Λ, Q, K and the decay: equation (15), in double-double. */
import { addScaled, exactly, multiplyEach, rounded, zeroPairs, type Pairs } from "./double-double.js";
import { factorPairs } from "./double-double-exp.js";
import type { ReferenceOperator } from "./types.js";

export interface OperatorGradients {
  /** λ̄, n; given for an operator without Λ too */
  readonly diag: Float64Array;
  /** Q̄, n×r */
  readonly q: Float64Array;
  /** K̄, n×r */
  readonly k: Float64Array;
  /** ḡ, n or n×r as the decay, 0 where that is −∞; there when the operator has one */
  readonly decay?: Float64Array;
}

/** Computes λ̄, Q̄, K̄ and ḡ from T̄, by equation (15), and rounds them to float64. */
export function throughDefinition(op: ReferenceOperator, gT: Pairs): OperatorGradients {
  const { n, r } = op;
  const into = { diag: zeroPairs(n), q: zeroPairs(n * r), k: zeroPairs(n * r), gaps: zeroPairs(n * r) };
  addThroughDefinition(op, gT, into);
  return roundedGradients(op, into);
}

/** The gradients of an operator in double-double. That of the gaps is one for every channel, n×r. */
type PairGradients = Record<"diag" | "q" | "k" | "gaps", Pairs>;

/** Adds the gradients of equation (15) to what `into` holds. */
export function addThroughDefinition(op: ReferenceOperator, gT: Pairs, into: PairGradients): void {
  const { n, r } = op;
  const [q, k] = [exactly(op.q), exactly(op.k)];
  for (let i = 0; i < n; i++) addScaled(into.diag, i, [1, 0], gT, i * n + i, 1);
  if (op.decay === undefined) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const entry = [gT.hi[i * n + j]!, gT.lo[i * n + j]!] as const;
        addScaled(into.q, i * r, entry, k, j * r, r);
        addScaled(into.k, j * r, entry, q, i * r, r);
      }
    }
    return;
  }
  const factors = factorPairs(op);
  for (let i = 0; i < n; i++) {
    const e = { hi: new Float64Array(r).fill(1), lo: new Float64Array(r) }; // e^{g_{j+1} + … + g_i}
    const terms = zeroPairs(i * r); // T̄_ij q_i ∘ e ∘ k_j
    for (let j = i - 1; j >= 0; j--) {
      const entry = [gT.hi[i * n + j]!, gT.lo[i * n + j]!] as const;
      multiplyEach(e, 0, factors, (j + 1) * r, r);
      const [toQ, toK] = [zeroPairs(r), zeroPairs(r)];
      addScaled(toQ, 0, entry, k, j * r, r);
      addScaled(toK, 0, entry, q, i * r, r);
      multiplyEach(toQ, 0, e, 0, r);
      multiplyEach(toK, 0, e, 0, r);
      addScaled(into.q, i * r, [1, 0], toQ, 0, r);
      addScaled(into.k, j * r, [1, 0], toK, 0, r);
      addScaled(terms, j * r, [1, 0], toQ, 0, r);
      multiplyEach(terms, j * r, q, i * r, r);
    }
    // Row i meets rows before t through the gap that row t owns, t ≤ i.
    const before = zeroPairs(r);
    for (let t = 1; t <= i; t++) {
      addScaled(before, 0, [1, 0], terms, (t - 1) * r, r);
      addScaled(into.gaps, t * r, [1, 0], before, 0, r);
    }
  }
}

/**
 * Rounds the gradients to float64, and adds up the channels of ḡ where they share one number a row. Nothing passes
 * through a reset, so that its gradient is 0.
 */
export function roundedGradients(
  op: ReferenceOperator,
  { diag, q, k, gaps }: PairGradients,
): OperatorGradients {
  const { n, r, decay } = op;
  const rest = { diag: rounded(diag), q: rounded(q), k: rounded(k) };
  if (decay === undefined) return rest;
  const own = zeroPairs(decay.length);
  for (let at = 0; at < n * r; at++) {
    addScaled(own, decay.length === n ? Math.floor(at / r) : at, [1, 0], gaps, at, 1);
  }
  return { ...rest, decay: rounded(own).map((value, at) => (decay[at] === -Infinity ? 0 : value)) };
}
