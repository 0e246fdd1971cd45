import {
  solveVjp,
  unitRoundoff,
  type Backend,
  type FloatArray,
  type SolveGradients,
  type Tensor,
} from "@dlrt/core";
import { OMEGA_LIMIT, residual, type Verdict } from "../accuracy/residual.js";
import { decayedResidual, decayGradientError } from "../accuracy/decayed.js";
import { naiveSolve } from "../contenders/naive.js";
import { decayColumns, type Problem } from "../workload/problem.js";
import type { Operation } from "./operation.js";
import { openRun } from "./tensors.js";

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

/** The gaps 0, g_{n−1}, …, g_1 of every batch entry: (8) of the reference. */
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

/** Computes Y. The cotangent is the right-hand side again, so that Ȳ = B. */
function forward(problem: Problem): FloatArray {
  const y = problem.b.slice();
  naiveSolve(problem, y, new Float64Array(problem.r * problem.p));
  return y;
}

function negated(x: FloatArray): FloatArray {
  return x.map((v) => -v);
}

/** |λ̄ + rowdot(B̄, Y)| / rowdot(|B̄|, |Y|), in ε. */
function diagError(
  { batch, n, p, dtype }: Problem,
  bBar: FloatArray,
  y: FloatArray,
  got: FloatArray,
): number {
  let worst = 0;
  for (let i = 0; i < batch * n; i++) {
    let [sum, size] = [0, 0];
    for (let j = i * p; j < (i + 1) * p; j++) {
      sum += bBar[j]! * y[j]!;
      size += Math.abs(bBar[j]! * y[j]!);
    }
    const error = Math.abs(got[i]! + sum);
    if (!(error <= worst * size)) worst = error / size;
    if (!Number.isFinite(worst)) return Infinity;
  }
  return worst / unitRoundoff[dtype];
}

/**
 * Each gradient by the residual of the equation that defines it, given the B̄ that came back: B̄ solves TᵀB̄ = Ȳ;
 * λ̄ = −rowdot(B̄, Y); Q̄ = −(tril(B̄Yᵀ, −1)∘E) K; K̄ = −(tril(B̄Yᵀ, −1)∘E)ᵀ Q, whose states of rank p decay along their columns;
 * ḡ by (27) of the reference.
 */
function judge(problem: Problem, [diagBar, qBar, kBar, bBar, decayBar]: readonly FloatArray[]): Verdict {
  const { batch, n, r, p, dtype, q, k } = problem;
  const y = forward(problem);
  const flipped = transposed(problem);
  const solveError = residual(flipped, reversed(bBar!, batch, n, p), flipped.b, 1);
  const diag = new Float64Array(batch * n);
  const outer: Problem = { ...problem, r: p, p: r, diag, q: negated(bBar!), k: y, b: k };
  const product = (of: Problem, x: FloatArray, got: FloatArray): number =>
    of.decay ? decayedResidual(of, x, got, 0, "columns") : residual(of, x, got, 0);
  const qError = product(outer, k, qBar!);
  const kError = product(transposed(outer), reversed(q, batch, n, r), reversed(kBar!, batch, n, r));
  const errors = [solveError, diagError({ ...problem, dtype }, bBar!, y, diagBar!), qError, kError];
  if (problem.decay) errors.push(decayGradientError(problem, [qBar!, kBar!], decayBar!));
  return { value: Math.max(...errors), limit: OMEGA_LIMIT };
}

export const solveVjpOperation: Operation = {
  name: "solveVjp",
  // One solve and two products.
  flops: ({ batch, n, r, p }) => 12 * batch * n * r * p,
  open<T extends Tensor>(backend: Backend<T>, problem: Problem, chunk: number | undefined) {
    return openRun(backend, (tensors) => {
      const { batch, n, p } = problem;
      const op = tensors.operator(problem);
      const cotangent = tensors.upload(problem.b, [batch, n, p]);
      const y = tensors.upload(forward(problem), [batch, n, p]);
      let gradients: SolveGradients<T> | undefined;
      const close = (): void => {
        if (gradients) for (const t of Object.values<T>({ ...gradients })) t.dispose();
      };
      return {
        enqueue: () => {
          close();
          gradients = solveVjp(backend, op, y, cotangent, { chunk });
        },
        outputs: () => {
          const { diag, q, k, b, decay } = gradients!;
          return [diag, q, k, b, ...(decay ? [decay] : [])];
        },
        close,
      };
    });
  },
  judge,
};
