import { UnsupportedError, ValueError } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import type { WebGpuBackend } from "./backend.js";
import { createWebGpuBackend as create } from "./create.js";
import type { Gpu } from "./gpu-types.js";
import { checkWebGpuOptions, type WebGpuOptions } from "./options.js";

export type { GpuTensor } from "./tensor.js";
export type { WebGpuOptions } from "./options.js";
export type { Recording, WebGpuBackend } from "./backend.js";

/** Dawn ends the process when the object behind a live device is collected; there is no moment when that is safe. */
const kept = new Set<object>();

/** No kernel reads workgroup memory that it has not written, and SwiftShader compiles its zeroing for seconds. */
const FLAGS = ["enable-dawn-features=disable_workgroup_init"];

/**
 * Dawn's GPU object, from the optional peer package `webgpu`.
 * @param flags Dawn's, such as "enable-dawn-features=…"
 * @throws ValueError (flags), UnsupportedError where the package cannot be loaded
 */
export async function nodeGpu(flags: readonly string[] = FLAGS): Promise<Gpu> {
  if (!Array.isArray(flags) || !flags.every((flag) => typeof flag === "string")) {
    throw new ValueError("flags", "an array of strings", describe(flags));
  }
  let dawn: { create(flags: string[]): Gpu };
  try {
    dawn = (await import(/* webpackIgnore: true */ "webgpu")) as typeof dawn;
  } catch (error) {
    throw new UnsupportedError(
      "webgpu",
      "the npm package `webgpu` (npm install webgpu@0.6.2)",
      String(error),
    );
  }
  const gpu = dawn.create([...flags]);
  kept.add(gpu);
  return gpu;
}

/** `createWebGpuBackend` in Node: on the caller's device, or one from the npm package `webgpu`. */
export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  checkWebGpuOptions(options);
  const gpu = options.device ? undefined : (options.gpu ?? (await nodeGpu()));
  const backend = await create(gpu ? { ...options, gpu } : options);
  kept.add(backend.device);
  return backend;
}
