import type { Tensor } from "./tensor.js";

/**
 * T = Λ + tril(Q Kᵀ, −1) with decay between its rows, one n×n matrix per batch entry: T_ii = λ_i,
 * T_ij = q_iᵀ diag(exp(g_{j+1} + … + g_i)) k_j for j < i, and 0 above (reference README, equation (1)).
 *
 * Mind the sign: I **plus** tril. In a DeltaNet λ = 1 and q_i = β_i k_i, which is not the layer's own query.
 */
export interface DiagLowRankTril<T extends Tensor = Tensor> {
  /** λ, [batch, n, 1]. Absent: Λ = 0, which `apply` takes; `solve` and `inverse` need it. */
  readonly diag?: T | undefined;
  /** Q, [batch, n, r] */
  readonly q: T;
  /** K, [batch, n, r] */
  readonly k: T;
  /**
   * g, [batch, n, 1] (one number a row) or [batch, n, r] (one a row and channel): the natural logarithm of the factor by which the
   * state decays between row i − 1 and row i, so g ≤ 0; −∞ is a reset, after which nothing before is seen. Absent: 0,
   * no decay. A positive g is growth and is computed as such, with no promise about its error.
   */
  readonly decay?: T | undefined;
}

/** How an operator decays: not at all, one factor a row, or one a row and channel. */
export type DecayKind = "none" | "row" | "channel";

/** Found from the shape of `decay`; one channel counts as one factor a row. */
export function decayKind({ decay }: { readonly decay?: Tensor | undefined }): DecayKind {
  if (decay === undefined) return "none";
  return decay.shape[2] === 1 ? "row" : "channel";
}
