import { createJsBackend } from "@dlrt/backend-js";
import type { Backend, HostTensor, Tensor } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import {
  applySummary,
  chunkSummary,
  chunkSummaryVjp,
  composeSummaries,
  type ChunkSummary,
} from "../src/index.js";
import { createDeviceBackend } from "./device-backend.js";
import { all, inputsOf, upload, type Layer } from "./layers.js";

const heads = { query: 4, key: 2, value: 4 };
const problem = { batch: 2, tokens: 17, heads, keyWidth: 5, valueWidth: 3 };

/**
 * Makes the summary of a piece and that of its way back, composes and applies them. The layers of the tests are typed for tensors of the host,
 * but look at no elements.
 */
function everything(layer: Layer, own: Backend<Tensor>): { own: number; made: Record<string, HostTensor> } {
  const backend = own as unknown as Backend<HostTensor>;
  const inputs = upload(backend, layer, problem, inputsOf(layer, problem, "mixed", 4), "f32");
  const { tensors } = backend.memory();
  const state = backend.upload({ data: new Float32Array(1).fill(0.5), shape: [8, 5, 3], strides: [0, 0, 0] });
  const output = backend.upload({
    data: new Float32Array(1).fill(2),
    shape: [2, 17, 12],
    strides: [0, 0, 0],
  });
  const made: Record<string, HostTensor> = { state, output };
  const keep = (name: string, { transition: A, state: B }: ChunkSummary<HostTensor>) =>
    Object.assign(made, { [`${name}.A`]: A, [`${name}.B`]: B });
  try {
    const summary = chunkSummary(layer.forward, backend, inputs, { heads });
    keep("summary", summary);
    const back = chunkSummaryVjp(layer.forward, backend, inputs, { output, summary }, { heads });
    keep("back", back);
    keep("twice", composeSummaries(backend, summary, summary));
    made["end"] = applySummary(backend, summary, state);
    return { own: tensors, made };
  } catch (error) {
    for (const t of Object.values(made)) t.dispose();
    expect(backend.memory().tensors).toBe(tensors);
    throw error;
  }
}

async function read(layer: Layer, own: Backend<Tensor>): Promise<Record<string, ArrayLike<number>>> {
  const { made, own: tensors } = everything(layer, own);
  const elements: Record<string, ArrayLike<number>> = {};
  for (const [name, t] of Object.entries(made)) {
    elements[name] = await own.read(t);
    t.dispose();
  }
  expect(own.memory().tensors).toBe(tensors);
  return elements;
}

describe.each(all)("$name", (layer) => {
  test("its summary needs no element of a tensor on the host", async () => {
    const device = createDeviceBackend() as unknown as Backend<Tensor>;
    const js = createJsBackend() as unknown as Backend<Tensor>;
    expect(await read(layer, device)).toEqual(await read(layer, js));
  });

  test.each(["apply", "solve", "copy"] as const)("leaves nothing behind where %s fails", (kernel) => {
    const backend = createDeviceBackend(kernel) as unknown as Backend<Tensor>;
    const erases = !["linearAttention", "simpleGla", "gla", "retention", "ssd"].includes(layer.name);
    if (kernel === "solve" && !erases) return expect(() => everything(layer, backend)).not.toThrow();
    expect(() => everything(layer, backend)).toThrow(`${kernel} is broken`);
  });
});
