import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { createWebGpuBackend } from "@dlrt/backend-webgpu";
import { backendContender, type Contender, type Missing } from "@dlrt/bench/dist/contender.js";
import { sparing } from "@dlrt/bench/dist/patience.js";
import { naive } from "@dlrt/bench/dist/peers/naive.js";
import { plantedWrong } from "@dlrt/bench/dist/peers/planted.js";
import type { Choice, Found } from "../protocol.js";
import { messageOf } from "./scope.js";

/** With all that was asked for: what a fallback runs is in the list already. */
async function wasm(name: string, options: { threads: number; relaxed: boolean }): Promise<Contender> {
  const backend = await createWasmBackend({ ...options, name });
  const { fallback } = backend.supports;
  if (fallback === undefined) {
    return backendContender(name, backend, { engine: "wasm", threads: options.threads });
  }
  await backend.dispose();
  throw new Error(fallback);
}

interface Candidate {
  readonly name: string;
  readonly kind: Choice["kind"];
  open(): Promise<Contender>;
}

function candidates(threads: number): Candidate[] {
  const backend = (name: string, open: () => Promise<Contender>): Candidate => ({
    name,
    kind: "backend",
    open,
  });
  return [
    backend("js", async () => backendContender("js", createJsBackend(), { engine: "js", threads: 1 })),
    ...[false, true].flatMap((relaxed) =>
      (threads > 1 ? [1, threads] : [1]).map((count) => {
        const name = (relaxed ? "wasm relaxed" : "wasm") + (count > 1 ? ` ×${count}` : "");
        return backend(name, () => wasm(name, { threads: count, relaxed }));
      }),
    ),
    backend("webgpu", async () => sparing(backendContender("webgpu", await createWebGpuBackend()))),
    { name: naive.name, kind: "peer", open: async () => naive },
    { name: "planted", kind: "planted", open: async () => plantedWrong() },
  ];
}

/** Opens every candidate of these names, or all; what cannot be had comes back with the reason. */
export async function openContenders(
  threads: number,
  names?: readonly string[],
): Promise<{ contenders: Contender[]; missing: Missing[] }> {
  const contenders: Contender[] = [];
  const missing: Missing[] = [];
  for (const { name, open } of candidates(threads)) {
    if (names !== undefined && !names.includes(name)) continue;
    try {
      contenders.push(await open());
    } catch (error) {
      missing.push({ name, reason: messageOf(error) });
    }
  }
  return { contenders, missing };
}

/** What this browser has. Nothing stays open. */
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
