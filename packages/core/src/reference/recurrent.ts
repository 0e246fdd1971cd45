/**
 * Row by row. All that row i needs of the rows before it is the state Z = Σ_{j<i} diag(e^{g_{j+1} + … + g_i}) k_j y_jᵀ, r×p:
 * no n×n matrix is formed. This file defines a right answer.
 */
import { decayState } from "./decay.js";
import { startingState, lambda } from "./operator.js";
import { transposed } from "./transposed.js";
import type { ReferenceOperator, ReferenceOptions, ReferenceResult } from "./types.js";

/** Z ← diag(e^{g_i}) Z, y_iᵀ = λ_i x_iᵀ + q_iᵀ Z, then Z += k_i x_iᵀ: equation (2). O(n r p). */
export function apply(
  op: ReferenceOperator,
  x: Float64Array,
  p: number,
  { trans = false, alpha = 1, initialState, lastGap, decayOn }: ReferenceOptions = {},
): ReferenceResult {
  if (trans) return transposed(apply, op, x, p, { alpha, initialState, decayOn });
  const { n, r, q, k } = op;
  const z = startingState(initialState, r, p);
  const y = new Float64Array(n * p);
  for (let i = 0; i < n; i++) {
    decayState(z, op, i, p, decayOn);
    for (let j = 0; j < p; j++) {
      let sum = 0; // λ_i x_i last: else each of r roundings could be as large as it
      for (let m = 0; m < r; m++) sum += q[i * r + m]! * z[m * p + j]!;
      y[i * p + j] = alpha * (lambda(op, i) * x[i * p + j]! + sum);
    }
    for (let m = 0; m < r; m++) {
      for (let j = 0; j < p; j++) z[m * p + j]! += k[i * r + m]! * x[i * p + j]!;
    }
  }
  if (lastGap) decayState(z, { ...op, n: 1, decay: lastGap }, 0, p, decayOn);
  return { y, finalState: z };
}

/** Z ← diag(e^{g_i}) Z, y_iᵀ = (b_iᵀ − q_iᵀ Z) / λ_i, then Z += k_i y_iᵀ: equation (3). O(n r p). */
export function solve(
  op: ReferenceOperator,
  b: Float64Array,
  p: number,
  { trans = false, alpha = 1, initialState, lastGap }: ReferenceOptions = {},
): ReferenceResult {
  if (trans) return transposed(solve, op, b, p, { alpha, initialState });
  const { n, r, q, k } = op;
  const z = startingState(initialState, r, p);
  const y = new Float64Array(n * p);
  for (let i = 0; i < n; i++) {
    decayState(z, op, i, p);
    for (let j = 0; j < p; j++) {
      let sum = 0;
      for (let m = 0; m < r; m++) sum += q[i * r + m]! * z[m * p + j]!;
      y[i * p + j] = (b[i * p + j]! - sum) / lambda(op, i);
    }
    for (let m = 0; m < r; m++) {
      for (let j = 0; j < p; j++) z[m * p + j]! += k[i * r + m]! * y[i * p + j]!;
    }
  }
  if (lastGap) decayState(z, { ...op, n: 1, decay: lastGap }, 0, p);
  return { y: y.map((value) => alpha * value), finalState: z };
}

/** Z ← diag(e^{g_i}) Z, Y_ii = 1/λ_i, Y_i,:i = −Y_ii q_iᵀ Z_:,:i, then Z_:,:i+1 += k_i Y_i,:i+1: equation (4). O(n² r). */
export function inverse(op: ReferenceOperator): Float64Array {
  const { n, r, q, k } = op;
  const z = new Float64Array(r * n);
  const y = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    decayState(z, op, i, n);
    y[i * n + i] = 1 / lambda(op, i);
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let m = 0; m < r; m++) sum += q[i * r + m]! * z[m * n + j]!;
      y[i * n + j] = -sum / lambda(op, i);
    }
    for (let m = 0; m < r; m++) {
      for (let j = 0; j <= i; j++) z[m * n + j]! += k[i * r + m]! * y[i * n + j]!;
    }
  }
  return y;
}
