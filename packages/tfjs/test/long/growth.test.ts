import type { Backend } from "@dlrt/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, expect, test } from "vitest";
import { gatedDeltaNet } from "../../src/index.js";
import { createBackend, numbers } from "../support.js";
import { startTf } from "../webgpu/device.js";

/** Minutes of training on each. */
const MINUTES = Number(process.env["DLRT_MINUTES"] ?? 10);
const [B, T, D] = [2, 24, 8];

let backend: Backend;
afterEach(() => backend.dispose());

/** Returns how much memory the process has without its garbage, and how much of it JavaScript holds, in MiB (vitest.long.config.ts exposes `gc`). */
function megabytes(): { readonly resident: number; readonly held: number } {
  (globalThis as unknown as { gc(): void }).gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss / 2 ** 20, held: (heapUsed + external) / 2 ** 20 };
}

test.each(["wasm", "webgpu"])(`training on %s for ${MINUTES} minutes: nothing grows`, async (name) => {
  if (name === "wasm") await tf.setBackend("wasm");
  backend = (name === "wasm" ? await createBackend("wasm") : await startTf()) as unknown as Backend;
  const Layer = gatedDeltaNet(backend);
  const model = tf.sequential({
    layers: [new Layer({ headDim: 8, numHeads: 1, seed: 1, inputShape: [T, D] })],
  });
  model.compile({ optimizer: tf.train.adam(1e-3), loss: "meanSquaredError" });
  const [x, y] = [1, 2].map((seed) => tf.tensor(numbers(seed, [B, T, D]).data, [B, T, D])) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const step = async (): Promise<number> => (await model.trainOnBatch(x, y)) as number;
  const state = (): unknown => {
    const { numTensors, numDataBuffers, numBytes, numBytesInGPU } = tf.memory() as tf.MemoryInfo & {
      readonly numBytesInGPU?: number;
    };
    return { numTensors, numDataBuffers, numBytes, numBytesInGPU, ours: backend.memory() };
  };
  const first = await step();
  const half = Date.now() + (MINUTES * 60_000) / 2;
  while (Date.now() < half) await step(); // by then all is compiled and cached that is kept for later calls
  const [before, megabytesBefore] = [state(), megabytes()];
  const end = Date.now() + (MINUTES * 60_000) / 2;
  let [steps, last] = [0, first];
  for (; Date.now() < end; steps++) last = await step();
  const { resident, held } = megabytes();
  const grown = { resident: resident - megabytesBefore.resident, held: held - megabytesBefore.held };
  console.log(
    `${name}: ${steps} steps in the second half, loss ${first} → ${last}; ${grown.held.toFixed(2)} MiB more held, ${grown.resident.toFixed(1)} more resident`,
  );
  expect(state()).toEqual(before);
  expect(last).toBeLessThan(first);
  expect(grown.held).toBeLessThan(4);
  expect(grown.resident).toBeLessThan(64); // the allocator and the driver keep some for themselves
  model.dispose();
  tf.dispose([x, y]);
});
