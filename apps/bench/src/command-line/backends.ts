import { availableParallelism } from "node:os";
import type { Backend } from "@dlrt/core";
import {
  backendCandidates,
  messageOf,
  withoutFallback,
  type Factories,
  type Missing,
  type Opened,
} from "../harness/index.js";
import { hasDriver } from "./vulkan.js";

/**
 * For Dawn in Node: the backend's own flag, and timestamps as the device counts them. Dawn rounds them to 0.1 ms, as
 * browsers must, which is longer than many dispatches.
 */
export const TIMING_FLAGS = [
  "enable-dawn-features=disable_workgroup_init",
  "disable-dawn-features=timestamp_quantization",
] as const;

/** One thread, and all the machine has. */
export function defaultThreads(): number[] {
  const all = availableParallelism();
  return all > 1 ? [1, all] : [1];
}

/** A backend is loaded only where it is asked for. */
const FACTORIES: Factories = {
  js: async () => (await import("@dlrt/backend-js")).createJsBackend() as Backend,
  wasm: async (options) => {
    const { createWasmBackend } = await import("@dlrt/backend-wasm");
    const created = createWasmBackend(options) as Promise<Backend>;
    // A build that lacks its threads says so in its note. A relaxed build that lacks its instructions is another candidate's build.
    return options.relaxed ? withoutFallback(created) : created;
  },
  webgpu: async () => {
    const { createWebGpuBackend, nodeGpu } = await import("@dlrt/backend-webgpu/node");
    return (await createWebGpuBackend({ gpu: await nodeGpu(TIMING_FLAGS) })) as Backend;
  },
};

/** A device in software takes seconds for a call, and tells nothing about speed. */
const NO_DRIVER = "no GPU with a driver here; --backends webgpu takes a device in software";

/**
 * Creates every backend there is; what cannot be had comes back with the reason.
 * @param only those to try; undefined for all, but for a WebGPU device in software
 * @param threads for backends that have them
 */
export async function createBackends({
  only,
  threads,
}: {
  readonly only?: readonly string[] | undefined;
  readonly threads: readonly number[];
}): Promise<{ opened: Opened[]; missing: Missing[] }> {
  const opened: Opened[] = [];
  const missing: Missing[] = [];
  for (const { name, backend, ceiling, create } of backendCandidates(threads, FACTORIES)) {
    if (only && !only.includes(backend)) continue;
    try {
      if (!only && backend === "webgpu" && !hasDriver()) throw new Error(NO_DRIVER);
      opened.push({ name, backend: await create(), ceiling });
    } catch (error) {
      missing.push({ name, reason: messageOf(error) });
    }
  }
  return { opened, missing };
}
