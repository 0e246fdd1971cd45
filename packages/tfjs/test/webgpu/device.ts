import { createWebGpuBackend, nodeGpu, type WebGpuBackend } from "@dlrt/backend-webgpu/node";
import * as tf from "@tensorflow/tfjs";
import { globals } from "webgpu";

/** Starts TensorFlow.js on "webgpu" in Node. Its backend asks for a window and for `navigator.gpu`, which is Dawn's here. */
export async function startTf(): Promise<WebGpuBackend> {
  const gpu = await nodeGpu();
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
  Object.defineProperty(globalThis, "window", { value: {}, configurable: true });
  await import("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  const { device } = tf.backend() as unknown as { device: GPUDevice };
  return createWebGpuBackend({ device, selfTest: false });
}
