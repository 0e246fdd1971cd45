import { availableParallelism } from "node:os";
import type { Backend } from "@dlrt/core";
import { backendContender, type Ceiling, type Contender, type Missing } from "../harness/contenders/contender.js";
import { TIMING_FLAGS } from "./device.js";
import { hasDriver } from "./vulkan.js";

export interface BackendOptions {
  /** Names to try; undefined for all, but for a WebGPU device in software. */
  readonly only?: readonly string[] | undefined;
  /** Thread counts for backends that have threads. */
  readonly threads: readonly number[];
}

type Exports = Readonly<Record<string, (argument: object) => Promise<unknown>>>;

interface Candidate {
  readonly name: string;
  readonly backend: string;
  readonly module: string;
  /** The module's factory, and what it is called with. */
  readonly factory: string;
  readonly options: object | ((exports: Exports) => Promise<object>);
  readonly ceiling?: Ceiling;
  /**
   * With `strict`, the candidate is left out if the backend reports a fallback, because the build that it falls back to
   * is a candidate of its own.
   */
  readonly strict?: true;
}

export const BACKEND_NAMES = ["js", "wasm", "webgpu"] as const;

/** One thread, and all the machine has. */
export function defaultThreads(): number[] {
  const all = availableParallelism();
  return all > 1 ? [1, all] : [1];
}

function candidates(threads: readonly number[]): Candidate[] {
  const wasm = { backend: "wasm", module: "@dlrt/backend-wasm", factory: "createWasmBackend" };
  return [
    {
      name: "js",
      backend: "js",
      module: "@dlrt/backend-js",
      factory: "createJsBackend",
      options: {},
      ceiling: { engine: "js", threads: 1 },
    },
    ...[false, true].flatMap((relaxed) =>
      threads.map((count) => ({
        ...wasm,
        name: (relaxed ? "wasm relaxed" : "wasm") + (count === 1 ? "" : ` ×${count}`),
        options: { threads: count, relaxed },
        ceiling: { engine: "wasm", threads: count } as const,
        ...(relaxed && { strict: true as const }),
      })),
    ),
    {
      name: "webgpu",
      backend: "webgpu",
      module: "@dlrt/backend-webgpu/node",
      factory: "createWebGpuBackend",
      options: async ({ nodeGpu }) => ({ gpu: await nodeGpu!(TIMING_FLAGS) }),
    },
  ];
}

function why(module: string, error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const absent = code === "ERR_MODULE_NOT_FOUND" && String(message).includes(module.split("/")[1]!);
  return absent ? `${module} is not installed` : String(message ?? error);
}

async function open({ module, factory, options, strict }: Candidate): Promise<Backend> {
  const exports = (await import(module)) as Exports;
  const given = typeof options === "function" ? await options(exports) : options;
  const backend = (await exports[factory]!(given)) as Backend;
  const { fallback } = backend.supports;
  if (!strict || fallback === undefined) return backend;
  await backend.dispose();
  throw new Error(fallback);
}

/** A backend with the name it has here: that of its build and threads. */
export interface Opened {
  readonly name: string;
  readonly backend: Backend;
  readonly ceiling?: Ceiling | undefined;
}

/** A device in software takes seconds for a call, and tells nothing about speed. */
const NO_DRIVER = "no GPU with a driver here; --backends webgpu takes a device in software";

/** Imports and creates every backend there is; what cannot be had comes back with the reason. */
export async function createBackends(
  options: BackendOptions,
): Promise<{ opened: Opened[]; missing: Missing[] }> {
  const opened: Opened[] = [];
  const missing: Missing[] = [];
  for (const candidate of candidates(options.threads)) {
    const { name, module, ceiling } = candidate;
    if (options.only && !options.only.includes(candidate.backend)) continue;
    if (!options.only && name === "webgpu" && !hasDriver()) {
      missing.push({ name, reason: NO_DRIVER });
      continue;
    }
    try {
      opened.push({ name, backend: await open(candidate), ceiling });
    } catch (error) {
      missing.push({ name, reason: why(module, error) });
    }
  }
  return { opened, missing };
}

/** The same as contenders of the operator's operations. */
export async function openBackends(
  options: BackendOptions,
): Promise<{ contenders: Contender[]; missing: Missing[] }> {
  const { opened, missing } = await createBackends(options);
  const contenders = opened.map(({ name, backend, ceiling }) => backendContender(name, backend, ceiling));
  return { contenders, missing };
}
