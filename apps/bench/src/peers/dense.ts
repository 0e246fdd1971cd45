import { newFloatArray, type FloatArray } from "@dlrt/core";
import { jsPeer, type Contender, type Problem } from "../harness/index.js";
import { noDecay } from "./library.js";

/** T of one batch entry, [n, n], by the definition: O(n² r). */
function form({ n, r, diag, q, k }: Problem, entry: number, t: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const row = (entry * n + i) * r;
    t[i * n + i] = diag[entry * n + i]!;
    for (let j = 0; j < i; j++) {
      const column = (entry * n + j) * r;
      let sum = 0;
      for (let a = 0; a < r; a++) sum += q[row + a]! * k[column + a]!;
      t[i * n + j] = sum;
    }
  }
}

/** T Y = B by forward substitution: O(n² p). */
function substitute(t: Float64Array, { n, p, b }: Problem, entry: number, y: FloatArray): void {
  const sums = new Float64Array(p);
  for (let i = 0; i < n; i++) {
    const row = (entry * n + i) * p;
    for (let c = 0; c < p; c++) sums[c] = b[row + c]!;
    for (let j = 0; j < i; j++) {
      const factor = t[i * n + j]!;
      const from = (entry * n + j) * p;
      for (let c = 0; c < p; c++) sums[c] = sums[c]! - factor * y[from + c]!;
    }
    for (let c = 0; c < p; c++) y[row + c] = sums[c]! / t[i * n + i]!;
  }
}

/** X = T⁻¹ row by row, X_i,: = (e_i − Σ_{j<i} T_ij X_j,:) / T_ii: O(n³). */
function invert(t: Float64Array, n: number, entry: number, x: FloatArray): void {
  const start = entry * n * n;
  const sums = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    sums.fill(0, 0, i + 1);
    sums[i] = 1;
    for (let j = 0; j < i; j++) {
      const factor = t[i * n + j]!;
      const from = start + j * n;
      for (let c = 0; c <= j; c++) sums[c] = sums[c]! - factor * x[from + c]!;
    }
    for (let c = 0; c <= i; c++) x[start + i * n + c] = sums[c]! / t[i * n + i]!;
    x.fill(0, start + i * n + i + 1, start + (i + 1) * n);
  }
}

/** What one does without the low rank: form T, then substitute in O(n²), or invert in O(n³). */
export const dense: Contender = jsPeer({
  name: "form T",
  slow: true,
  flops: ({ name }, { batch, n, r, p }) => batch * (name === "solve" ? n * n * (r + p) : n * n * (r + n / 3)),
  build: "dense T, then substitution or inversion row by row, float64",
  refuses: ({ name }, problem) =>
    name === "solve" || name === "inverse" ? noDecay(problem) : "solves and inverts only",
  open({ name }, problem) {
    const { batch, n, dtype, b } = problem;
    const t = new Float64Array(n * n);
    const out = newFloatArray(dtype, name === "solve" ? b.length : batch * n * n).fill(Number.NaN);
    return {
      call: () => {
        for (let entry = 0; entry < batch; entry++) {
          form(problem, entry, t);
          if (name === "solve") substitute(t, problem, entry, out);
          else invert(t, n, entry, out);
        }
      },
      read: async () => [out],
    };
  },
});
