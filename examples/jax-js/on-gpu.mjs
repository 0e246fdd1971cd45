// Computes a step on jax-js's WebGPU device, whose buffers the layer reads, and the same on WebAssembly. It runs in Node with Dawn, which stands
// in for the page that jax-js expects.
import { nodeGpu } from "@dlrt/backend-webgpu/node";
import { createWebGpuBackend } from "@dlrt/backend-webgpu";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { getWebGPUDevice, init } from "@jax-js/jax";
import { globals } from "webgpu";
import { example } from "./data.mjs";
import { lossAndGradients } from "./model.mjs";

const navigator = { gpu: await nodeGpu(), userAgent: "Node", hardwareConcurrency: 1 };
Object.assign(globalThis, globals);
Object.defineProperty(globalThis, "navigator", { value: navigator });
const there = await init("wasm", "webgpu");
if (!there.includes("webgpu")) throw new Error("no WebGPU adapter: node start-gpu.mjs finds one in software");
const backends = {
  wasm: await createWasmBackend({ threads: 1 }),
  webgpu: await createWebGpuBackend({ device: getWebGPUDevice() }),
};
await backends.webgpu.sync(); // rejects where the device computes something else

async function step(device) {
  const { parameters, data, heads } = example({ tokens: 32, width: 16, heads: 2, device });
  const { loss, gradients } = await lossAndGradients(backends[device], parameters, data, heads);
  const read = { loss: await loss.data() };
  for (const [name, gradient] of Object.entries(gradients)) read[name] = await gradient.data();
  return read;
}

const [cpu, gpu] = [await step("wasm"), await step("webgpu")];
for (const [name, expected] of Object.entries(cpu)) {
  const size = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const worst = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - gpu[name][i])), 0) / size;
  console.log(`${name}: webgpu and wasm differ by ${worst < 1e-4 ? "less than 1e-4" : worst}`);
}
console.log(backends.webgpu.memory());
process.exit(); // Dawn and jax-js's threads would keep the process running
