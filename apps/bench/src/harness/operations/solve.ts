import { solve } from "@dlrt/core";
import { OMEGA_LIMIT, solveOmega } from "../accuracy/residual.js";
import { chunkFlops, type Operation } from "./operation.js";
import { openRun } from "./tensors.js";

export const solveOperation: Operation = {
  name: "solve",
  flops: ({ batch, n, r, p }) => 4 * batch * n * r * p,
  chunkFlops,
  open: (backend, problem, chunk) =>
    openRun(backend, (tensors) => {
      const { batch, n, p, dtype } = problem;
      const op = tensors.operator(problem);
      const b = tensors.upload(problem.b, [batch, n, p]);
      const out = tensors.poisoned([batch, n, p], dtype);
      return { enqueue: () => void solve(backend, op, b, { out, chunk }), outputs: () => [out] };
    }),
  judge: (problem, [y]) => ({ value: solveOmega(problem, y!), limit: OMEGA_LIMIT }),
};
