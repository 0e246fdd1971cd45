import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { createWebGpuBackend } from "@dlrt/backend-webgpu";
import {
  backendCandidates,
  backendContender,
  layerContenders,
  messageOf,
  naive,
  naiveLayer,
  plantedLayer,
  plantedWrong,
  sparing,
  withoutFallback,
  type Contender,
  type Factories,
  type LayerContender,
  type Missing,
} from "@dlrt/bench/harness";
import type { Backend } from "@dlrt/core";
import type { Choice, Found } from "../protocol.js";

const FACTORIES: Factories = {
  js: async () => createJsBackend() as Backend,
  // Where there are no threads, or no relaxed instructions, the build that it would fall back to is in the list already.
  wasm: (options) => withoutFallback(createWasmBackend(options) as Promise<Backend>),
  webgpu: async () => (await createWebGpuBackend()) as Backend,
};

interface Candidate {
  readonly name: string;
  readonly kind: Choice["kind"];
  open(): Promise<Contender>;
  openLayer(): Promise<LayerContender>;
}

function candidates(threads: number): Candidate[] {
  const backends = backendCandidates(threads > 1 ? [1, threads] : [1], FACTORIES);
  const others = [
    ["peer", naive, naiveLayer],
    ["planted", plantedWrong(), plantedLayer],
  ] as const;
  return [
    ...backends.map(({ name, ceiling, create }): Candidate => ({
      name,
      kind: "backend",
      open: async () => sparing(backendContender(name, await create(), ceiling)),
      // A layer is measured with its inputs already in the backend and its results left there, as operators are.
      openLayer: async () => {
        const backend = await create();
        const layer = layerContenders({ name, backend }).at(-1)!;
        return { ...layer, name, dispose: () => backend.dispose() };
      },
    })),
    ...others.map(([kind, own, layer]): Candidate => ({
      ...{ name: own.name, kind },
      open: async () => own,
      openLayer: async () => layer,
    })),
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

/** Opens those of these names for operations on T; what this browser does not have is left out. */
export const openContenders = async (threads: number, names: readonly string[]): Promise<Contender[]> =>
  (await openAll(threads, names, (candidate) => candidate.open())).contenders;

/** The same for layers. */
export const openLayers = async (threads: number, names: readonly string[]): Promise<LayerContender[]> =>
  (await openAll(threads, names, (candidate) => candidate.openLayer())).contenders;

/** Finds out what this browser has. Nothing stays open. */
export async function look(threads: number): Promise<Found> {
  const { contenders, missing } = await openAll(threads, undefined, async (candidate) => ({
    kind: candidate.kind,
    contender: await candidate.open(),
  }));
  const choices = contenders.map(({ kind, contender: { name, build, note, slow } }) => ({
    ...{ name, kind, build, software: slow === true },
    ...(note !== undefined && { note }),
  }));
  await Promise.all(contenders.map(({ contender }) => contender.dispose()));
  return { choices, missing };
}
