import { WebGpuBackend } from "./backend.js";
import { requestDevice } from "./device.js";
import { checkWebGpuOptions, type WebGpuOptions } from "./options.js";

/**
 * A backend on the caller's device, or on a new one with the adapter's limits. Its self-test runs beside the first work, and every `read`
 * and `sync` waits for it: `await backend.sync()` tells whether the device passed, before anything else is done.
 * @throws ValueError (options)
 * @throws UnsupportedError: no WebGPU or no adapter; the message says which
 */
export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  checkWebGpuOptions(options);
  const gpu = options.gpu ?? (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  const { powerPreference } = options;
  const device = options.device ?? (await requestDevice(gpu, powerPreference ? { powerPreference } : {}));
  return new WebGpuBackend(device, options.device === undefined, options);
}
