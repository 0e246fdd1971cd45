import { WebGpuBackend } from "./backend.js";
import { requestDevice } from "./device.js";
import { checkWebGpuOptions, type WebGpuOptions } from "./options.js";
import { selfTest } from "./self-test.js";

/**
 * A backend on the caller's device, or on a new one with the adapter's limits.
 * @throws ValueError (options)
 * @throws UnsupportedError: no WebGPU, no adapter, or a device that fails the self-test; the message says which
 */
export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  checkWebGpuOptions(options);
  const gpu = options.gpu ?? (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  const { powerPreference } = options;
  const device = options.device ?? (await requestDevice(gpu, powerPreference ? { powerPreference } : {}));
  const backend = new WebGpuBackend(device, options.device === undefined, options);
  if (options.selfTest ?? true) {
    try {
      await selfTest(backend);
    } catch (error) {
      await backend.dispose();
      throw error;
    }
  }
  return backend;
}
