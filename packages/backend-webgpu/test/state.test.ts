import { apply, solve } from "@dlrt/core";
import { matrixOf, omegaState, operatorOf } from "@dlrt/core/reference";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../src/node.js";
import { problem, upload, worstOmega } from "./support/problem.js";
import { onSharedDevice } from "./support/shared-device.js";
import { constant, EPSILON, errorsOf } from "./support/structured.js";

let backend: WebGpuBackend;
beforeAll(async () => {
  backend = await onSharedDevice();
});
afterAll(() => backend.dispose());

// Sizes at which a state is summed over thousands of chunks. Its roundings all go in one direction here, so they add up unless the kernels
// keep what they lose.
const LONG = { n: 65536, r: 1, p: 1 };

test("apply, 65,536 rows of equal numbers: the prefix sums are compensated", async () => {
  const { output, state } = await errorsOf(backend, "apply", constant(LONG, 0.1), { chunk: 16 });
  expect(output).toBeLessThanOrEqual(16);
  expect(state).toBeLessThanOrEqual(4);
});

test.each([false, true])(
  "solve, 65,536 rows of equal numbers, transposed %s: the scan is compensated",
  async (trans) => {
    // q is so small that the state is nearly a plain sum.
    const { output, state } = await errorsOf(backend, "solve", constant(LONG, 1e-6, 1), { chunk: 16, trans });
    expect(output).toBeLessThanOrEqual(16);
    expect(state).toBeLessThanOrEqual(4);
  },
);

test.each(["apply", "solve"] as const)(
  "%s in hundreds of segments: what roundings lose is carried on",
  async (kernel) => {
    const cut = await onSharedDevice({ maxSubmitFlops: 2000 });
    const of = constant({ n: 8192, r: 1, p: 1 }, 1e-6, 1);
    const { output, state } = await errorsOf(cut, kernel, of, { chunk: 16 });
    expect(output).toBeLessThanOrEqual(16);
    expect(state).toBeLessThanOrEqual(4);
    await cut.dispose();
  },
);

test("a parallel scan of 128 groups: neither the maps nor the states between them add up roundings", async () => {
  const parallel = await onSharedDevice({ scan: "parallel", scanGroups: 128 });
  for (const q of [1e-6, 1e-4]) {
    const of = constant({ n: 8192, r: 1, p: 1 }, q, 1);
    const { output, state } = await errorsOf(parallel, "solve", of, { chunk: 16 });
    expect(output).toBeLessThanOrEqual(16);
    expect(state).toBeLessThanOrEqual(4);
  }
  await parallel.dispose();
});

test.each(["apply", "solve"] as const)(
  "%s writes the final state of all of 70 batch entries",
  async (kernel) => {
    const of = problem(70, 20, 3, 5);
    const { batch, n, r, p } = of.shape;
    const { op, b } = upload(backend, of);
    const finalState = backend.upload({
      data: new Float32Array(batch * r * p).fill(Number.NaN),
      shape: [batch, r, p],
    });
    const run = kernel === "apply" ? apply : solve;
    const out = await backend.read(run(backend, op, b, { finalState }));
    const z = await backend.read(finalState);
    for (let index = 0; index < batch; index++) {
      const x = matrixOf(kernel === "apply" ? of.b : out, batch, index);
      const one = operatorOf({ batch, n, r, ...of }, index);
      expect(omegaState(one, matrixOf(z, batch, index), x, p) / EPSILON).toBeLessThanOrEqual(16);
    }
  },
);

test.each([57, 58, 59, 60, 61, 62, 63, 121, 127])(
  "%i rows, transposed: every row is divided by its own λ",
  async (n) => {
    const of = problem(2, n, 3, 5);
    // The diagonal has powers of two that are far apart, so that dividing by the λ of another row is wrong by a factor of 2 at least.
    const diag = of.diag.map((_, row) => (row % 2 === 0 ? 1 : -1) * 2 ** (((row * 7) % 13) - 4));
    const scaled = { ...of, diag, q: of.q.map((value) => value / 32) };
    const { op, b } = upload(backend, scaled);
    for (const trans of [true, false]) {
      const y = await backend.read(solve(backend, op, b, { trans, chunk: 64 }));
      expect(worstOmega(scaled, y, trans)).toBeLessThanOrEqual(16);
    }
  },
);
