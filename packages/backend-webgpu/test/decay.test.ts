import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWebGpuBackend, type WebGpuBackend } from "../src/node.js";
import { decayErrors, decayProblem, gates } from "./support/decay.js";

let backend: WebGpuBackend;
beforeAll(async () => {
  backend = await createWebGpuBackend({ selfTest: false });
});
afterAll(async () => {
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  await backend.dispose();
});

const shape = { batch: 2, n: 150, r: 9, p: 5 };

describe.each(["row", "channel"] as const)("decay per %s", (kind) => {
  const channels = kind === "row" ? 1 : shape.r;
  test.each(Object.keys(gates))("%s: solve and apply, both ways, chunks of 16, 32 and 64", async (name) => {
    const problem = decayProblem(shape, channels, gates[name]!);
    for (const kernel of ["solve", "apply"] as const) {
      for (const [chunk, trans] of [
        [16, true],
        [32, false],
        [64, true],
      ] as const) {
        const { output, state } = await decayErrors(backend, kernel, problem, { chunk, trans });
        if (process.env["SHOW"])
          console.log(kind, name, kernel, chunk, trans, output.toFixed(2), state.toFixed(2));
        expect(output, `${kernel}, chunk ${chunk}, trans ${trans}`).toBeLessThanOrEqual(16);
        expect(state, `state of ${kernel}, chunk ${chunk}, trans ${trans}`).toBeLessThanOrEqual(16);
      }
    }
  });
});
