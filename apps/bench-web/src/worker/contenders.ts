import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { createWebGpuBackend } from "@dlrt/backend-webgpu";
import { backendContender, type Ceiling, type Contender, type Missing } from "@dlrt/bench/dist/contender.js";
import { layerContenders, type LayerContender } from "@dlrt/bench/dist/layer/contender.js";
import { naiveLayer } from "@dlrt/bench/dist/layer/naive.js";
import { plantedLayer } from "@dlrt/bench/dist/layer/planted.js";
import { sparing } from "@dlrt/bench/dist/patience.js";
import { naive } from "@dlrt/bench/dist/peers/naive.js";
import { plantedWrong } from "@dlrt/bench/dist/peers/planted.js";
import type { Backend } from "@dlrt/core";
import type { Choice, Found } from "../protocol.js";
import { messageOf } from "./scope.js";

/**
 * Refuses a backend that lacks something that was asked for, because the build it falls back to is in the list already.
 */
async function wasm(name: string, options: { threads: number; relaxed: boolean }): Promise<Backend> {
  const backend = await createWasmBackend({ ...options, name });
  const { fallback } = backend.supports;
  if (fallback === undefined) return backend;
  await backend.dispose();
  throw new Error(fallback);
}

interface Candidate {
  readonly name: string;
  readonly kind: Choice["kind"];
  open(): Promise<Contender>;
  openLayer(): Promise<LayerContender>;
}

/**
 * Measures the layer with its inputs already in the backend and its results left there, as operators are measured too.
 */
const layerOf = (name: string, backend: Backend): LayerContender => ({
  ...layerContenders({ name, backend }).at(-1)!,
  name,
  dispose: () => backend.dispose(),
});

function candidates(threads: number): Candidate[] {
  const backend = (name: string, create: () => Promise<Backend>, ceiling?: Ceiling): Candidate => ({
    name,
    kind: "backend",
    open: async () => sparing(backendContender(name, await create(), ceiling)),
    openLayer: async () => layerOf(name, await create()),
  });
  const other = (kind: "peer" | "planted", own: Contender, layer: LayerContender): Candidate => ({
    name: own.name,
    kind,
    open: async () => own,
    openLayer: async () => layer,
  });
  return [
    backend("js", async () => createJsBackend() as Backend, { engine: "js", threads: 1 }),
    ...[false, true].flatMap((relaxed) =>
      (threads > 1 ? [1, threads] : [1]).map((count) => {
        const name = (relaxed ? "wasm relaxed" : "wasm") + (count > 1 ? ` ×${count}` : "");
        const ceiling = { engine: "wasm", threads: count } as const;
        return backend(name, () => wasm(name, { threads: count, relaxed }), ceiling);
      }),
    ),
    backend("webgpu", async () => (await createWebGpuBackend()) as Backend),
    other("peer", naive, naiveLayer),
    other("planted", plantedWrong(), plantedLayer),
  ];
}

/** Opens every candidate of these names, or all; what cannot be had comes back with the reason. */
async function openAll<T>(
  threads: number,
  names: readonly string[] | undefined,
  open: (candidate: Candidate) => Promise<T>,
): Promise<{ contenders: T[]; missing: Missing[] }> {
  const contenders: T[] = [];
  const missing: Missing[] = [];
  for (const candidate of candidates(threads)) {
    const { name } = candidate;
    if (names !== undefined && !names.includes(name)) continue;
    try {
      contenders.push(await open(candidate));
    } catch (error) {
      missing.push({ name, reason: messageOf(error) });
    }
  }
  return { contenders, missing };
}

export const openContenders = (
  threads: number,
  names?: readonly string[],
): Promise<{ contenders: Contender[]; missing: Missing[] }> =>
  openAll(threads, names, (candidate) => candidate.open());

/** The same as contenders of layers. */
export const openLayers = async (threads: number, names: readonly string[]): Promise<LayerContender[]> =>
  (await openAll(threads, names, (candidate) => candidate.openLayer())).contenders;

/** Finds out what this browser has. Nothing stays open. */
export async function look(threads: number): Promise<Found> {
  const { contenders, missing } = await openContenders(threads);
  const kinds = new Map(candidates(threads).map(({ name, kind }) => [name, kind]));
  const choices = contenders.map(({ name, build, note, slow }) => ({
    name,
    kind: kinds.get(name)!,
    build,
    ...(note !== undefined && { note }),
    software: slow === true,
  }));
  await Promise.all(contenders.map((contender) => contender.dispose()));
  return { choices, missing };
}
