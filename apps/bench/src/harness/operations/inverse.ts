import { inverse, unitRoundoff, type FloatArray } from "@dlrt/core";
import { OMEGA_LIMIT, type Verdict } from "../accuracy/residual.js";
import { BoundedState } from "../accuracy/decayed.js";
import { Gaps } from "../accuracy/gaps.js";
import type { Problem } from "../workload/problem.js";
import type { Operation } from "./operation.js";
import { openRun } from "./tensors.js";

/** How many multiply-adds judging one answer may take: enough for all columns up to about n = 1250, and for evenly spaced ones above. */
const JUDGE_WORK = 2e9;

/** x = T⁻¹ e_c and t = (|Λ| + tril(|Q||K|ᵀ, −1)) |x| of one batch entry, row by row in float64. */
function referenceColumn(
  { n, r, diag, q, k }: Problem,
  entry: number,
  c: number,
  x: Float64Array,
  t: Float64Array,
): void {
  const z = new Float64Array(r);
  const zAbs = new Float64Array(r);
  x.fill(0);
  t.fill(0);
  for (let i = c; i < n; i++) {
    const row = (entry * n + i) * r;
    let sum = i === c ? 1 : 0;
    let sumAbs = 0;
    for (let a = 0; a < r; a++) {
      sum -= q[row + a]! * z[a]!;
      sumAbs += Math.abs(q[row + a]!) * zAbs[a]!;
    }
    const lambda = diag[entry * n + i]!;
    const xi = sum / lambda;
    x[i] = xi;
    t[i] = sumAbs + Math.abs(lambda * xi);
    for (let a = 0; a < r; a++) {
      z[a] = z[a]! + k[row + a]! * xi;
      zAbs[a] = zAbs[a]! + Math.abs(k[row + a]! * xi);
    }
  }
}

/** The same with decay, where t = |T||x| has the terms of Q and K as (21) of the reference has them then. */
function decayedColumn(problem: Problem, entry: number, c: number, x: Float64Array, t: Float64Array): void {
  const { n, r, diag, q, k } = problem;
  const gaps = new Gaps(problem);
  const state = new BoundedState(r, 1);
  const [sum, bound] = [new Float64Array(1), new Float64Array(1)];
  x.fill(0);
  t.fill(0);
  for (let i = c; i < n; i++) {
    const row = entry * n + i;
    gaps.at(row);
    state.decayAndRead(gaps, q, row, sum, bound);
    x[i] = ((i === c ? 1 : 0) - sum[0]!) / diag[row]!;
    t[i] = bound[0]! + Math.abs(diag[row]! * x[i]!);
    state.add(k, row, x, i);
  }
}

/** max |X̂ − X| / (|X̂| |T| |X|) in units of ε over one column, |X̂| for |X| ((24) of the reference). Infinity where X̂ is wrong above the diagonal. */
function columnError(
  got: FloatArray,
  start: number,
  n: number,
  c: number,
  x: Float64Array,
  t: Float64Array,
): number {
  let worst = 0;
  for (let i = 0; i < n; i++) {
    const row = start + i * n;
    const error = Math.abs(got[row + c]! - x[i]!);
    if (error === 0) continue;
    if (i < c) return Infinity;
    let scale = 0;
    for (let j = c; j <= i; j++) scale += Math.abs(got[row + j]!) * t[j]!;
    const ratio = error / scale;
    if (!Number.isFinite(ratio)) return Infinity;
    worst = Math.max(worst, ratio);
  }
  return worst;
}

function judgeInverse(problem: Problem, got: FloatArray): Verdict {
  const { batch, n, dtype } = problem;
  const columns = Math.min(n, Math.max(16, Math.ceil((2 * JUDGE_WORK) / (batch * n * n))));
  const [x, t] = [new Float64Array(n), new Float64Array(n)];
  let worst = 0;
  for (let entry = 0; entry < batch; entry++) {
    for (let s = 0; s < columns; s++) {
      const c = Math.floor((s * n) / columns);
      (problem.decay ? decayedColumn : referenceColumn)(problem, entry, c, x, t);
      worst = Math.max(worst, columnError(got, entry * n * n, n, c, x, t));
    }
  }
  return { value: worst / unitRoundoff[dtype], limit: OMEGA_LIMIT };
}

export const inverseOperation: Operation = {
  name: "inverse",
  flops: ({ batch, n, r }) => batch * n * n * r,
  open: (backend, problem, chunk) =>
    openRun(backend, (tensors) => {
      const { batch, n, dtype } = problem;
      const op = tensors.operator(problem);
      const out = tensors.poisoned([batch, n, n], dtype);
      return { enqueue: () => void inverse(backend, op, { out, chunk }), outputs: () => [out] };
    }),
  judge: (problem, [x]) => judgeInverse(problem, x!),
};
