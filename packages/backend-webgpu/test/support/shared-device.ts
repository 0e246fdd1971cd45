import { requestDevice } from "../../src/device.js";
import { createWebGpuBackend, nodeGpu, type WebGpuBackend } from "../../src/node.js";
import type { WebGpuOptions } from "../../src/options.js";

let device: Promise<GPUDevice> | undefined;
/** The device forgets a pipeline when nobody holds it any more, and a disposed backend still holds those that it had. */
const kept = new Set<WebGpuBackend>();

/** The one device of this process, which nobody may destroy. */
export function sharedDevice(): Promise<GPUDevice> {
  device ??= nodeGpu().then(async (gpu) => compilingAtOnce(await requestDevice(gpu)));
  return device;
}

/**
 * Has `prepare` compile in the thread that calls it. While Node waits for Dawn's own method it polls without a pause, which
 * takes as much of the processor again as the compiling.
 */
function compilingAtOnce(of: GPUDevice): GPUDevice {
  of.createComputePipelineAsync = async (pipeline) => of.createComputePipeline(pipeline);
  return of;
}

/**
 * A backend without a self-test on the device that all test files share. A device in software takes 0.1 to 0.5 s of the
 * processor to compile one pipeline, and compiles it once, whichever backend of this process asks for it first.
 */
export async function onSharedDevice(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const backend = await createWebGpuBackend({ selfTest: false, device: await sharedDevice(), ...options });
  kept.add(backend);
  return backend;
}

/** Takes away every method that a test has put in the place of one of the device's, or of its queue's. */
export function restoreDevice(of: GPUDevice): void {
  for (const object of [of, of.queue]) {
    for (const name of Object.keys(object)) delete object[name as keyof typeof object];
  }
  compilingAtOnce(of);
}
