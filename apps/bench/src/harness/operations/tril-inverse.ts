import { MAX_TRIL_BLOCK, newFloatArray, trilInverse, unitRoundoff, type FloatArray } from "@dlrt/core";
import { BLOCK_GATE, matrixOf, omegaTrilInverse } from "@dlrt/core/reference";
import type { Verdict } from "../accuracy/residual.js";
import { decayColumns, type Problem } from "../workload/problem.js";
import type { Operation } from "./operation.js";
import { openRun } from "./tensors.js";

const BLOCK = 64;

/** q_i ← q_i ∘ e^{g_row}: q_i then holds what is left of it for the rows above `row`. */
function decayBefore(problem: Problem, row: number, reader: Float64Array): void {
  const columns = decayColumns(problem);
  for (let s = 0; s < reader.length; s++) {
    reader[s] = reader[s]! * Math.exp(problem.decay![row * columns + (columns === 1 ? 0 : s)]!);
  }
}

/** The diagonal blocks T_cc of the operator, whole ones only: [count, c, c]. */
export function diagonalBlocks(problem: Problem): { a: FloatArray; count: number; c: number } {
  const { batch, n, r, diag, q, k, dtype } = problem;
  const c = Math.min(n, BLOCK, MAX_TRIL_BLOCK);
  const perEntry = Math.floor(n / c);
  const count = batch * perEntry;
  const a = newFloatArray(dtype, count * c * c);
  const reader = new Float64Array(r);
  for (let block = 0; block < count; block++) {
    const from = Math.floor(block / perEntry) * n + (block % perEntry) * c;
    for (let i = 0; i < c; i++) {
      const to = (block * c + i) * c;
      a[to + i] = diag[from + i]!;
      for (let s = 0; s < r; s++) reader[s] = q[(from + i) * r + s]!;
      for (let j = i - 1; j >= 0; j--) {
        if (problem.decay) decayBefore(problem, from + j + 1, reader);
        let sum = 0;
        for (let s = 0; s < r; s++) sum += reader[s]! * k[(from + j) * r + s]!;
        a[to + j] = sum;
      }
    }
  }
  return { a, count, c };
}

/** The measure (25) of the reference, of the worst block. Float64 is exact enough for both element types beside a limit of 4 ε. */
function judge(problem: Problem, got: FloatArray): Verdict {
  const { a, count, c } = diagonalBlocks(problem);
  const errors = Array.from({ length: count }, (_, block) =>
    omegaTrilInverse(matrixOf(a, count, block), matrixOf(got, count, block), c, { dtype: "f32" }),
  );
  return { value: Math.max(...errors) / unitRoundoff[problem.dtype], limit: BLOCK_GATE };
}

/** The inverses of the 64×64 diagonal blocks of the operator. */
export const trilInverseOperation: Operation = {
  name: "trilInverse",
  // The inverse of a triangle takes c³/3.
  flops: ({ batch, n }) => (batch * Math.floor(n / Math.min(n, BLOCK)) * Math.min(n, BLOCK) ** 3) / 3,
  open: (backend, problem) =>
    openRun(backend, (tensors) => {
      const { a, count, c } = diagonalBlocks(problem);
      const blocks = tensors.upload(a, [count, c, c]);
      const out = tensors.poisoned([count, c, c], problem.dtype);
      return { enqueue: () => void trilInverse(backend, blocks, { out }), outputs: () => [out] };
    }),
  judge: (problem, [x]) => judge(problem, x!),
};
