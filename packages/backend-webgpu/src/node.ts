import { UnsupportedError, ValueError } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import type { WebGpuBackend } from "./backend.js";
import { createWebGpuBackend as create } from "./create.js";
import type { Gpu } from "./gpu-types.js";
import { checkWebGpuOptions, type WebGpuOptions } from "./options.js";

export type { GpuTensor } from "./tensor.js";
export type { WebGpuOptions } from "./options.js";
export type { Recording, WebGpuBackend } from "./backend.js";

/**
 * Keeps the objects behind live devices from being collected: Dawn ends the process when such an object is, and there
 * is no moment at which that would be safe.
 */
const kept = new Set<object>();

/**
 * Turns off that workgroup memory is set to zero. No kernel reads such memory before writing it, and SwiftShader spends
 * seconds on compiling the zeroing.
 */
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
