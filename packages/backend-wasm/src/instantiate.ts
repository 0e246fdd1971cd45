import { MAX_PAGES } from "./arena.js";

/** The exports of assembly/index.ts. */
export interface Exports {
  work(job: number, thread: number): void;
  scratchBytes(job: number): number;
}

/** Without and with threads over shared memory. */
export type Build = "simd" | "simd+threads";

/** Where a build's bytes are. */
export interface Source {
  readonly module?: WebAssembly.Module | undefined;
  readonly wasmUrl?: string | URL | undefined;
}

export interface Compiled {
  readonly module: WebAssembly.Module;
  readonly build: Build;
}

const hasThreads = (module: WebAssembly.Module): boolean =>
  WebAssembly.Module.exports(module).some(({ name }) => name === "shared");

/** The given module, or that at the URL, or the embedded bytes of `build`; compiled, not on the calling thread's time. */
export async function compile(source: Source, build: Build): Promise<Compiled> {
  const module = source.module ?? (await (source.wasmUrl ? fetchModule(source.wasmUrl) : embedded(build)));
  return { module, build: hasThreads(module) ? "simd+threads" : "simd" };
}

async function embedded(build: Build): Promise<WebAssembly.Module> {
  const { base64 } =
    build === "simd" ? await import("./generated/simd.js") : await import("./generated/simd-threads.js");
  return WebAssembly.compile(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

async function fetchModule(url: string | URL): Promise<WebAssembly.Module> {
  const file = nodeBuiltin("node:fs/promises");
  if (file && String(url).startsWith("file:")) return WebAssembly.compile(await file.readFile(new URL(url)));
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`wasmUrl: expected a .wasm file, got HTTP ${response.status} for ${String(url)}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** A memory of one page that can grow as far as the engine lets it be declared. */
export function createMemory(shared: boolean): { memory: WebAssembly.Memory; limit: number } {
  for (let maximum = MAX_PAGES; ; maximum = Math.floor(maximum / 2)) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 1, maximum, shared }), limit: maximum * 65536 };
    } catch (error) {
      // some engines reserve a shared memory's maximum at once
      if (maximum < 1024) throw error;
    }
  }
}

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Exports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
}

interface NodeBuiltins {
  "node:fs/promises": { readFile(url: URL): Promise<Uint8Array<ArrayBuffer>> };
  "node:os": { availableParallelism(): number };
  "node:worker_threads": { Worker: new (url: URL, options: object) => NodeWorker };
}

export interface NodeWorker {
  on(event: string, listener: (value: never) => void): void;
  postMessage(value: unknown): void;
  terminate(): Promise<number>;
  unref(): void;
}

/** A module of Node, without an import that bundlers for browsers would follow; undefined elsewhere. */
export function nodeBuiltin<Name extends keyof NodeBuiltins>(name: Name): NodeBuiltins[Name] | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.(name) as NodeBuiltins[Name] | undefined;
}
