import type { WebUrl } from "./wasm-types.js";

interface NodeBuiltins {
  "node:fs/promises": { readFile(url: WebUrl): Promise<Uint8Array> };
  "node:os": { availableParallelism(): number };
  "node:worker_threads": { Worker: new (url: WebUrl, options: object) => NodeWorker };
}

export interface NodeWorker {
  on(event: string, listener: (value: never) => void): void;
  postMessage(value: unknown): void;
  terminate(): Promise<number>;
  unref(): void;
}

/** Returns a module of Node, without an import that bundlers for browsers would follow; undefined elsewhere. */
export function nodeBuiltin<Name extends keyof NodeBuiltins>(name: Name): NodeBuiltins[Name] | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.(name) as NodeBuiltins[Name] | undefined;
}
