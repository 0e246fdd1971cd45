import { requestDevice } from "../../src/device.js";
import { createWebGpuBackend, nodeGpu, type WebGpuBackend } from "../../src/node.js";
import type { WebGpuOptions } from "../../src/options.js";

let device: Promise<GPUDevice> | undefined;
/** The device forgets a pipeline when nobody holds it any more, and a disposed backend still holds those that it had. */
const kept = new Set<WebGpuBackend>();

/** The properties that the shared device and its queue have of their own. */
const own = new Map<object, PropertyDescriptorMap>();

/** The one device of this process, which nobody may destroy. */
export function sharedDevice(): Promise<GPUDevice> {
  device ??= nodeGpu().then(async (gpu) => {
    const made = await requestDevice(gpu);
    // While Node waits for Dawn's own method it polls without a pause, which takes as much of the processor again as the compiling.
    made.createComputePipelineAsync = async (pipeline) => made.createComputePipeline(pipeline);
    for (const object of [made, made.queue]) own.set(object, Object.getOwnPropertyDescriptors(object));
    return made;
  });
  return device;
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

/** Takes away every method that a test has put in the place of one of the shared device's, or of its queue's. */
export function restoreDevice(of: GPUDevice): void {
  for (const object of [of, of.queue]) {
    const before = own.get(object);
    if (!before) continue; // a device of the test's own
    for (const name of Object.keys(object)) if (!(name in before)) Reflect.deleteProperty(object, name);
    Object.defineProperties(object, before);
  }
}
