import type { FloatArray } from "@dlrt/core";
import { decayColumns, type Problem } from "../workload/problem.js";

/** Returns the rows of every batch entry in reverse order. */
export function reversed(data: FloatArray, batch: number, n: number, width: number): FloatArray {
  const to = data.slice();
  for (let e = 0; e < batch; e++) {
    for (let i = 0; i < n; i++) {
      const from = (e * n + n - 1 - i) * width;
      to.set(data.subarray(from, from + width), (e * n + i) * width);
    }
  }
  return to;
}

/** The logarithms of decay 0, g_{n−1}, …, g_1 of every batch entry, as (8) of the reference has them for Tᵀ. */
function reversedGaps(problem: Problem): FloatArray {
  const { batch, n, decay } = problem;
  const columns = decayColumns(problem);
  const gaps = reversed(decay!, batch, n, columns);
  for (let e = 0; e < batch; e++) {
    const first = e * n * columns;
    gaps.copyWithin(first + columns, first, first + (n - 1) * columns);
    gaps.fill(0, first, first + columns);
  }
  return gaps;
}

/** The problem with Tᵀ: rows reversed, Q and K exchanged. */
export function transposed(problem: Problem): Problem {
  const { batch, n, r, p, diag, q, k, b } = problem;
  return {
    ...problem,
    diag: reversed(diag, batch, n, 1),
    q: reversed(k, batch, n, r),
    k: reversed(q, batch, n, r),
    b: reversed(b, batch, n, p),
    ...(problem.decay && { decay: reversedGaps(problem) }),
  };
}
