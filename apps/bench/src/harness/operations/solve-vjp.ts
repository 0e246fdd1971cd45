import {
  solveVjp,
  unitRoundoff,
  type Backend,
  type FloatArray,
  type SolveGradients,
  type Tensor,
} from "@dlrt/core";
import { omegaRowDot } from "@dlrt/core/reference";
import { OMEGA_LIMIT, residual, type Verdict } from "../accuracy/residual.js";
import { decayedResidual, decayGradientError } from "../accuracy/decayed.js";
import type { Problem } from "../workload/problem.js";
import { naiveSolve } from "./naive-solve.js";
import type { Operation } from "./operation.js";
import { openRun } from "./tensors.js";
import { reversed, transposed } from "./transposed.js";

/** Computes Y. The cotangent is the right-hand side again, so that Ȳ = B. */
function forward(problem: Problem): FloatArray {
  const y = problem.b.slice();
  naiveSolve(problem, y, new Float64Array(problem.r * problem.p));
  return y;
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
  const outer: Problem = { ...problem, r: p, p: r, diag, q: bBar!.map((v) => -v), k: y, b: k };
  const product = (of: Problem, x: FloatArray, got: FloatArray): number =>
    of.decay ? decayedResidual(of, x, got, 0, "columns") : residual(of, x, got, 0);
  const qError = product(outer, k, qBar!);
  const kError = product(transposed(outer), reversed(q, batch, n, r), reversed(kBar!, batch, n, r));
  const diagError = omegaRowDot(bBar!, y, diagBar!, p, -1) / unitRoundoff[dtype];
  const errors = [solveError, diagError, qError, kError];
  if (problem.decay) errors.push(decayGradientError(problem, [qBar!, kBar!], decayBar!));
  return { value: Math.max(...errors), limit: OMEGA_LIMIT };
}

export const solveVjpOperation: Operation = {
  name: "solveVjp",
  // The gradients take one solve and two products.
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
