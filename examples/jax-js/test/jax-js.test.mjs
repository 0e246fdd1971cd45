import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { init, numpy as np } from "@jax-js/jax";
import { expect, test } from "vitest";
import { example } from "../data.mjs";
import { lossAndGradients } from "../model.mjs";

const linesOf = (file) => {
  const program = fileURLToPath(new URL(`../${file}`, import.meta.url));
  return execFileSync(process.execPath, [program], { encoding: "utf8" }).trim().split("\n");
};

await init("wasm");
const backend = await createWasmBackend({ threads: 1 });
const { data, heads, parameters } = example({ tokens: 12, width: 8, heads: 2 });

async function step(given) {
  const { loss, gradients } = await lossAndGradients(backend, given, data, heads);
  const read = {};
  for (const [name, gradient] of Object.entries(gradients)) read[name] = await gradient.data();
  return { loss: (await loss.data())[0], gradients: read };
}

test.each(["query", "key", "value", "beta", "decay", "output"])(
  "the gradient of %s is what the loss rises by, both ways, in its direction",
  async (name) => {
    const { gradients } = await step(parameters);
    const length = Math.hypot(...gradients[name]);
    expect(length).toBeGreaterThan(1e-4);
    const h = 0.02; // the step, with which the rounding of f32 losses, 1e-8, and the share of the third derivative, of the order of h², are both small
    const moved = async (by) => {
      const change = gradients[name].map((g) => (by * g) / length);
      const array = parameters[name].ref.add(np.array(change, { shape: parameters[name].shape }));
      const { loss } = await step({ ...parameters, [name]: array });
      array.dispose();
      return loss;
    };
    const slope = ((await moved(h)) - (await moved(-h))) / (2 * h);
    expect(Math.abs(slope / length - 1)).toBeLessThan(1e-3);
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  },
);

test("gradient descent lowers the loss", () => {
  const losses = linesOf("main.mjs").slice(0, -1);
  const numbers = losses.map((line) => Number(line.split(" ").at(-1)));
  expect(numbers).toHaveLength(4);
  expect(numbers).toEqual(numbers.toSorted((a, b) => b - a));
  expect(numbers[3]).toBeLessThan(numbers[0] / 3);
});

test("on jax-js's WebGPU device, in its buffers, the same numbers", () => {
  const names = ["loss", "query", "key", "value", "beta", "decay", "output"];
  expect(linesOf("start-gpu.mjs")).toEqual([
    ...names.map((name) => `${name}: webgpu and wasm differ by less than 1e-4`),
    "{ tensors: 0, bytes: 0 }",
  ]);
});
