// Runs the example in Node, where the device comes from the npm package `webgpu`. A page has `const root = await tgpu.init()`.
import { createJsBackend } from "@dlrt/backend-js";
import { nodeGpu } from "@dlrt/backend-webgpu/node";
import { gatedDeltaRule } from "@dlrt/linear-attention/host";
import { tgpu } from "typegpu";
import { globals } from "webgpu";
import { between } from "./between.mjs";

Object.assign(globalThis, globals); // GPUBufferUsage and the like, which pages have
const adapter = await (await nodeGpu()).requestAdapter();
if (!adapter) throw new Error("no WebGPU adapter: node start.mjs finds one in software");
const root = tgpu.initFromDevice({ device: await adapter.requestDevice() });

const [T, H, D] = [200, 2, 16];
const wave = (columns, seed) => Array.from({ length: T * columns }, (_, i) => Math.sin(seed * i * i));
const arrays = {
  query: wave(H * D, 1),
  key: wave(H * D, 2),
  value: wave(H * D, 3),
  b: wave(H, 4),
  decay: wave(H, 5).map((x) => -0.1 * (1 + x)),
};
const { result, left } = await between(root, arrays, H);

// The same is computed in float64, without a GPU.
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const silu = (x) => x * sigmoid(x);
const { query, key, decay } = arrays;
const inputs = { query, key, decay, value: arrays.value.map(silu), beta: arrays.b.map(sigmoid) };
const { output } = await gatedDeltaRule(
  createJsBackend(),
  Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, Float64Array.from(x)])),
  { heads: { query: H }, normalizeKeys: true, shape: [1, T] },
);
const expected = output.map(silu);
const size = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const worst = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - result[i])), 0) / size;
console.log(`largest difference from float64, relative: ${worst < 1e-6 ? "below 1e-6" : worst}`);
console.log(`left on the device: ${left.tensors} tensors, ${left.bytes} bytes`);
root.destroy();
process.exit(); // Dawn would keep the process running
