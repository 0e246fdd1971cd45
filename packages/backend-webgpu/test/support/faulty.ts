import type { GpuTensor, WebGpuBackend } from "../../src/index.js";
import { TENSOR } from "../../src/usage.js";
import { restoreDevice } from "./shared-device.js";

/** Watches the buffers that are made on the device from now on. `alive` names those that nobody has destroyed, by their labels. */
export function watchBuffers(device: GPUDevice): { alive(): string[] } {
  const alive = new Set<GPUBuffer>();
  const create = device.createBuffer.bind(device);
  device.createBuffer = (of) => {
    const buffer = create(of);
    const destroy = buffer.destroy.bind(buffer);
    alive.add(buffer);
    buffer.destroy = () => {
      alive.delete(buffer);
      return destroy();
    };
    return buffer;
  };
  return { alive: () => [...alive].map(({ label }) => label) };
}

/**
 * Makes the device have no memory for the buffers that `fails` picks. No software device runs out of memory on request, so it is
 * asked for a buffer that is invalid, as it is without memory, and the out-of-memory scope is told so.
 */
export function withoutMemory(
  device: GPUDevice,
  fails: (of: GPUBufferDescriptor) => boolean,
): { restore(): void } {
  const { createBuffer, pushErrorScope, popErrorScope } = device;
  const scopes: { filter: GPUErrorFilter; failed: boolean }[] = [];
  device.pushErrorScope = (filter) => {
    scopes.push({ filter, failed: false });
    return pushErrorScope.call(device, filter);
  };
  device.popErrorScope = async () => {
    const scope = scopes.pop();
    const real = await popErrorScope.call(device);
    return scope?.failed ? ({ message: "no memory left" } as GPUOutOfMemoryError) : real;
  };
  device.createBuffer = (of) => {
    if (!fails(of)) return createBuffer.call(device, of);
    const scope = scopes.filter(({ filter }) => filter === "out-of-memory").at(-1);
    if (scope) scope.failed = true;
    device.pushErrorScope("validation");
    const invalid = createBuffer.call(device, { ...of, usage: 0x1 | 0x80 }); // WebGPU does not allow MAP_READ | STORAGE
    void device.popErrorScope();
    return invalid;
  };
  return {
    restore: () => Object.assign(device, { createBuffer, pushErrorScope, popErrorScope }),
  };
}

/** Makes a buffer with these elements, as a caller would have it, and wraps it. */
export function wrapped(
  backend: WebGpuBackend,
  data: Float32Array<ArrayBuffer>,
  shape: readonly [number, number, number],
): { buffer: GPUBuffer; t: GpuTensor } {
  const buffer = backend.device.createBuffer({ size: data.byteLength, usage: TENSOR });
  backend.device.queue.writeBuffer(buffer, 0, data);
  return { buffer, t: backend.wrap(buffer, shape) };
}

/** Takes back what was put in the place of the device's own methods. @throws unless everything is gone once the backend is disposed */
export async function disposeWholly(backend: WebGpuBackend, buffers: { alive(): string[] }): Promise<void> {
  await backend.dispose();
  restoreDevice(backend.device);
  const left = { ...backend.memory(), buffers: buffers.alive() };
  if (left.tensors + left.bytes + left.buffers.length > 0) throw new Error(`left: ${JSON.stringify(left)}`);
}
