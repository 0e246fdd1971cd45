import type { FloatArray } from "@dlrt/core";
import { decayColumns, type Problem } from "../workload/problem.js";

/** Z ← diag(e^{g_i}) Z */
function decay(g: FloatArray, columns: number, i: number, z: FloatArray, p: number): void {
  const r = z.length / p;
  for (let a = 0; a < r; a++) {
    const factor = Math.exp(g[i * columns + (columns === 1 ? 0 : a)]!);
    for (let j = a * p; j < (a + 1) * p; j++) z[j] = z[j]! * factor;
  }
}

/**
 * The recurrence as one writes it down: Z decays, y_i = (b_i − q_i Z) / λ_i, then Z += k_iᵀ y_i.
 * @param y receives Y, [batch, n, p] @param z for the state, [r, p]; its element type is that of the sums
 */
export function naiveSolve(problem: Problem, y: FloatArray, z: FloatArray): void {
  const { batch, n, r, p, diag, q, k, b, decay: g } = problem;
  const columns = decayColumns(problem);
  for (let entry = 0; entry < batch; entry++) {
    z.fill(0);
    for (let i = entry * n; i < (entry + 1) * n; i++) {
      if (g) decay(g, columns, i, z, p);
      for (let j = 0; j < p; j++) {
        let sum = b[i * p + j]!;
        for (let a = 0; a < r; a++) sum -= q[i * r + a]! * z[a * p + j]!;
        y[i * p + j] = sum / diag[i]!;
      }
      for (let a = 0; a < r; a++) {
        for (let j = 0; j < p; j++) z[a * p + j] = z[a * p + j]! + k[i * r + a]! * y[i * p + j]!;
      }
    }
  }
}
