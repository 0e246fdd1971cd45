import { apply } from "@dlrt/core";
import { OMEGA_LIMIT, residual } from "../accuracy/residual.js";
import { chunkFlops, type Operation } from "./operation.js";
import { openRun } from "./tensors.js";

export const applyOperation: Operation = {
  name: "apply",
  flops: ({ batch, n, r, p }) => 4 * batch * n * r * p,
  chunkFlops,
  open: (backend, problem, chunk) =>
    openRun(backend, (tensors) => {
      const { batch, n, p, dtype } = problem;
      const op = tensors.operator(problem);
      const x = tensors.upload(problem.b, [batch, n, p]);
      const out = tensors.poisoned([batch, n, p], dtype);
      return { enqueue: () => void apply(backend, op, x, { out, chunk }), outputs: () => [out] };
    }),
  judge: (problem, [y]) => ({ value: residual(problem, problem.b, y!, 0), limit: OMEGA_LIMIT }),
};
