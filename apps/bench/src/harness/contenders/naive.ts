import { newFloatArray, type FloatArray } from "@dlrt/core";
import type { Contender } from "./contender.js";
import { decayColumns, type Problem } from "../workload/problem.js";

/** Z ← diag(e^{g_i}) Z */
function decay(g: FloatArray, columns: number, i: number, z: FloatArray, p: number): void {
  const r = z.length / p;
  for (let a = 0; a < r; a++) {
    const factor = Math.exp(g[i * columns + (columns === 1 ? 0 : a)]!);
    for (let j = a * p; j < (a + 1) * p; j++) z[j] = z[j]! * factor;
  }
}

/** The recurrence as one writes it down: Z decays, y_i = (b_i − q_i Z) / λ_i, then Z += k_iᵀ y_i. */
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

export const naive: Contender = {
  name: "naive-js",
  kind: "peer",
  ceiling: { engine: "js", threads: 1 },
  build: "row by row on typed arrays",
  refuses: ({ name }) => (name === "solve" ? undefined : "solves only"),
  open(_, problem) {
    const y = newFloatArray(problem.dtype, problem.b.length).fill(Number.NaN);
    const z = newFloatArray(problem.dtype, problem.r * problem.p);
    return {
      call: () => naiveSolve(problem, y, z),
      read: async () => [y],
      close: () => undefined,
    };
  },
  dispose: async () => undefined,
};
