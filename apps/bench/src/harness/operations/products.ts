import { apply, solve } from "@dlrt/core";
import { OMEGA_LIMIT, residual, solveOmega } from "../accuracy/residual.js";
import type { Problem } from "../workload/problem.js";
import type { Operation } from "./operation.js";
import { openRun } from "./tensors.js";
import { reversed, transposed } from "./transposed.js";

/** The least flops with chunks of so many rows; a chunk longer than T counts as T. */
export function chunkFlops({ batch, n, r, p }: Problem, chunk: number): number {
  const c = Math.min(chunk, n);
  return batch * (4 * r * p * (n - c) + n * (c - 1) * (r + p) + n * p);
}

const shared: Pick<Operation, "flops" | "chunkFlops"> = {
  flops: ({ batch, n, r, p }) => 4 * batch * n * r * p,
  chunkFlops,
};

/** The verb `solve` or `apply` on B, into an output that is used again. */
const opener =
  (verb: typeof solve, trans: boolean): Operation["open"] =>
  (backend, problem, chunk) =>
    openRun(backend, (tensors) => {
      const { batch, n, p, dtype } = problem;
      const op = tensors.operator(problem);
      const b = tensors.upload(problem.b, [batch, n, p]);
      const out = tensors.poisoned([batch, n, p], dtype);
      return { enqueue: () => void verb(backend, op, b, { out, chunk, trans }), outputs: () => [out] };
    });

export const solveOperation: Operation = {
  ...shared,
  name: "solve",
  open: opener(solve, false),
  judge: (problem, [y]) => ({ value: solveOmega(problem, y!), limit: OMEGA_LIMIT }),
};

export const applyOperation: Operation = {
  ...shared,
  name: "apply",
  open: opener(apply, false),
  judge: (problem, [y]) => ({ value: residual(problem, problem.b, y!, 0), limit: OMEGA_LIMIT }),
};

/** A solve with Tᵀ, judged as that of the transposed problem. */
export const transposedSolve: Omit<Operation, "name"> = {
  ...shared,
  open: opener(solve, true),
  judge: (problem, [y]) => {
    const { batch, n, p } = problem;
    return { value: solveOmega(transposed(problem), reversed(y!, batch, n, p)), limit: OMEGA_LIMIT };
  },
};
