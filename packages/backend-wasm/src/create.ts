import { UnsupportedError, ValueError, type Backend } from "@dlrt/core";
import { checkFlag, checkOptions, checkText, describe } from "@dlrt/core/backend";
import { WasmBackend } from "./backend.js";
import { compile, hasRelaxedSimd, messageOf, type Build, type Kind } from "./compile.js";
import { Engine } from "./engine.js";
import { createMemory, instantiate } from "./instantiate.js";
import { nodeBuiltin } from "./node.js";
import { Pool } from "./pool.js";
import type { WasmTensor } from "./tensor.js";
import type { WasmModule, WebUrl } from "./wasm-types.js";

export interface WasmBackendOptions {
  /**
   * Threads that share a call's work, the calling one included. "auto", the default: as many as the machine has
   * processors, at most 8. One where shared memory is not allowed; `supports.fallback` then says why.
   */
  readonly threads?: number | "auto" | undefined;
  /** Which build to take where both would do. Default: "simd+threads" when there is more than one thread. */
  readonly build?: Build | undefined;
  /**
   * Multiply and add in one instruction, rounded once, where the engine has relaxed SIMD; `supports.fallback` says so where
   * it has not. Whether the processor then fuses is its own affair: results of two kinds of machine may differ by
   * rounding, which without this they never do. Default false.
   */
  readonly relaxed?: boolean | undefined;
  /** One of this package's .wasm files, compiled, of this version: for runtimes that forbid compiling. */
  readonly module?: WasmModule | undefined;
  /** Where to fetch such a file, instead of the copy inside this package. Relative to the page, as fetch takes it. */
  readonly wasmUrl?: string | WebUrl | undefined;
  /** The script of helper threads, `@dlrt/backend-wasm/worker`, where a bundler does not find it by itself. */
  readonly workerUrl?: string | WebUrl | undefined;
  /** Shown by the bench and in errors. Default "wasm". */
  readonly name?: string | undefined;
}

const optionNames = ["threads", "build", "relaxed", "module", "wasmUrl", "workerUrl", "name"];

const MAX_AUTO_THREADS = 8;
const MAX_THREADS = 64;

function checkBuild(build: Build | undefined): void {
  if (build === undefined || build === "simd" || build === "simd+threads") return;
  throw new ValueError("build", '"simd" or "simd+threads"', describe(build));
}

/** A URL of any realm; what it leads to shows when it is fetched. */
function checkUrl(argument: string, url: unknown): void {
  if (url === undefined || (typeof url === "string" && url !== "")) return;
  if (Object.prototype.toString.call(url) === "[object URL]") return;
  throw new ValueError(argument, "a URL or a string, not empty", describe(url));
}

function wantedThreads({ threads = "auto", build }: WasmBackendOptions): number {
  if (build === "simd") return 1;
  if (threads !== "auto") {
    if (Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS) return threads;
    throw new ValueError("threads", `"auto" or an integer from 1 to ${MAX_THREADS}`, describe(threads));
  }
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  const processors = nodeBuiltin("node:os")?.availableParallelism() ?? navigator?.hardwareConcurrency ?? 1;
  return Math.max(1, Math.min(processors, MAX_AUTO_THREADS));
}

/** Why threads cannot share memory here, if they cannot. */
function whyNotShared(): string | undefined {
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean };
  if (typeof SharedArrayBuffer === "undefined" || crossOriginIsolated === false) {
    return "one thread: no SharedArrayBuffer (the page is not cross-origin isolated: COOP and COEP headers)";
  }
  return undefined;
}

const WORKER_REMEDY =
  "pass workerUrl, the address of @dlrt/backend-wasm/worker on the page's own origin, or threads: 1";
const NOT_FUSED = "no fused multiply-add: this engine has no relaxed SIMD";

/**
 * A backend in WebAssembly with SIMD: f32 and f64. Operations have run when they return. Their results are the
 * same, to the bit, for every number of threads.
 *
 * Tensors live in one WebAssembly memory of at most 4 GiB, and its place is used again after `dispose`.
 *
 * @throws (rejects with) UnsupportedError where the engine has no WebAssembly SIMD or refuses the module;
 * ValueError for options out of range
 */
export async function createWasmBackend(options: WasmBackendOptions = {}): Promise<Backend<WasmTensor>> {
  checkOptions("options", options, optionNames);
  checkBuild(options.build);
  checkFlag("relaxed", options.relaxed);
  checkText("name", options.name);
  checkUrl("wasmUrl", options.wasmUrl);
  checkUrl("workerUrl", options.workerUrl);
  const threads = wantedThreads(options);
  const name = options.name ?? "wasm";
  const wanted: Build = options.build ?? (threads > 1 ? "simd+threads" : "simd");
  const blocked = wanted === "simd" ? undefined : whyNotShared();
  const given = options.module !== undefined || options.wasmUrl !== undefined;
  const unfused = options.relaxed && !given && !hasRelaxedSimd() ? NOT_FUSED : undefined;
  const kind: Kind = {
    build: blocked === undefined ? wanted : "simd",
    relaxed: options.relaxed === true && unfused === undefined,
  };
  const { module, build, relaxed } = await compile(options, kind);
  const backend = (engine: Engine, why: string | undefined): WasmBackend => {
    const reasons = [why, unfused].filter((reason) => reason !== undefined);
    return new WasmBackend(name, engine, relaxed, reasons.length > 0 ? reasons.join("; ") : undefined);
  };
  if (build === "simd") {
    const why =
      blocked ?? (given && threads > 1 ? "one thread: the module given is the build without" : undefined);
    return backend(singleThreaded(module), why);
  }
  if (blocked !== undefined)
    throw new UnsupportedError("module", "simd.wasm", `simd-threads.wasm; ${blocked}`);
  try {
    return backend(await multiThreaded(module, threads, options.workerUrl), undefined);
  } catch (error) {
    const why = `one thread: helper threads did not start (${messageOf(error)}); ${WORKER_REMEDY}`;
    if (given) return backend(await multiThreaded(module, 1, undefined), why);
    return backend(singleThreaded((await compile({}, { build: "simd", relaxed })).module), why);
  }
}

function singleThreaded(module: WasmModule): Engine {
  const { memory, limit } = createMemory(false);
  return new Engine(memory, limit, instantiate(module, memory), undefined);
}

async function multiThreaded(
  module: WasmModule,
  threads: number,
  workerUrl: string | WebUrl | undefined,
): Promise<Engine> {
  const { memory, limit } = createMemory(true);
  const exports = instantiate(module, memory);
  return new Engine(memory, limit, exports, await Pool.start(module, memory, threads - 1, workerUrl));
}
