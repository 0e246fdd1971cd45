import { MAX_PAGES } from "./arena.js";
import type { WasmMemory, WasmModule } from "./wasm-types.js";

/** The exports of assembly/index.ts. */
export interface Exports {
  work(job: number, thread: number): void;
  scratchBytes(job: number): number;
}

/** Makes a memory of one page that can grow as far as the engine lets it be declared. */
export function createMemory(shared: boolean): { memory: WasmMemory; limit: number } {
  for (let maximum = MAX_PAGES; ; maximum = Math.floor(maximum / 2)) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 1, maximum, shared }), limit: maximum * 65536 };
    } catch (error) {
      // Some engines reserve the maximum of a shared memory at once.
      if (maximum < 1024) throw error;
    }
  }
}

export function instantiate(module: WasmModule, memory: WasmMemory): Exports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
}
