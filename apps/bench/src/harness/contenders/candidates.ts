import type { Backend } from "@dlrt/core";
import type { Ceiling } from "./contender.js";

export const BACKEND_NAMES = ["js", "wasm", "webgpu"] as const;

/** How the backends are created where the bench runs. */
export interface Factories {
  js(): Promise<Backend>;
  wasm(options: {
    readonly name: string;
    readonly threads: number;
    readonly relaxed: boolean;
  }): Promise<Backend>;
  webgpu(): Promise<Backend>;
}

/** A backend that may be had here: it is known when it has been created. */
export interface Candidate {
  /** The name of its build and threads. */
  readonly name: string;
  readonly backend: (typeof BACKEND_NAMES)[number];
  readonly ceiling?: Ceiling;
  create(): Promise<Backend>;
}

/** @throws (rejects with) Error where the backend fell back to another build than was asked for: that build is a candidate of its own. */
export async function withoutFallback(created: Promise<Backend>): Promise<Backend> {
  const backend = await created;
  const { fallback } = backend.supports;
  if (fallback === undefined) return backend;
  await backend.dispose();
  throw new Error(fallback);
}

/** The backends, those with threads once for each count. */
export function backendCandidates(threads: readonly number[], factories: Factories): Candidate[] {
  const wasm = [false, true].flatMap((relaxed) =>
    threads.map((count): Candidate => {
      const name = (relaxed ? "wasm relaxed" : "wasm") + (count === 1 ? "" : ` ×${count}`);
      const create = (): Promise<Backend> => factories.wasm({ name, threads: count, relaxed });
      return { name, backend: "wasm", ceiling: { engine: "wasm", threads: count }, create };
    }),
  );
  return [
    { name: "js", backend: "js", ceiling: { engine: "js", threads: 1 }, create: () => factories.js() },
    ...wasm,
    { name: "webgpu", backend: "webgpu", create: () => factories.webgpu() },
  ];
}
