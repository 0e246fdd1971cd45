import type { Tensor } from "./tensor.js";

/**
 * T = Λ + tril(Q Kᵀ, −1), one n×n matrix per batch entry: T_ii = λ_i, T_ij = q_i · k_j for j < i, 0 above.
 *
 * Mind the sign: I **plus** tril. In DeltaNet λ = 1 and q_i = β_i k_i.
 */
export interface DiagLowRankTril<T extends Tensor = Tensor> {
  /** λ, [batch, n, 1]. Absent: Λ = 0, which `apply` takes; `solve` and `inverse` need it. */
  readonly diag?: T | undefined;
  /** Q, [batch, n, r] */
  readonly q: T;
  /** K, [batch, n, r] */
  readonly k: T;
}
