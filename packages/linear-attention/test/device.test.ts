import { createJsBackend } from "@dlrt/backend-js";
import { UnsupportedError, type Backend, type HostTensor, type Tensor } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import { createDeviceBackend } from "./device-backend.js";
import { all, inputsOf, upload, type Layer } from "./layers.js";

const heads = { query: 4, key: 2, value: 4 };
const problem = { batch: 2, tokens: 17, heads, keyWidth: 5, valueWidth: 3 };

/** Everything a layer gives, forward and back. The layers of the test are typed for host tensors, but look at none. */
async function everything(layer: Layer, own: Backend<Tensor>): Promise<Record<string, ArrayLike<number>>> {
  const backend = own as unknown as Backend<HostTensor>;
  const tensors = upload(backend, layer, problem, inputsOf(layer, problem, "mixed", 4), "f32");
  const shape = [8, 5, 3] as const;
  const initialState = backend.upload({ data: new Float32Array(1).fill(0.5), shape, strides: [0, 0, 0] });
  const options = { heads, initialState, normalizeKeys: true };
  const { output, finalState } = layer.forward(backend, tensors, { ...options, finalState: true });
  const gradients = layer.backward(backend, tensors, { output, finalState: finalState! }, options);
  const results: Record<string, HostTensor> = { output, finalState: finalState!, ...gradients };
  const read: Record<string, ArrayLike<number>> = {};
  for (const [name, t] of Object.entries(results)) {
    read[name] = await backend.read(t);
    t.dispose();
  }
  expect(backend.memory().tensors).toBe(Object.keys(tensors).length + 1);
  return read;
}

describe.each(all)("$name", (layer) => {
  test("needs no element of a tensor on the host, forward and back", async () => {
    const device = createDeviceBackend() as unknown as Backend<Tensor>;
    const js = createJsBackend() as unknown as Backend<Tensor>;
    expect(await everything(layer, device)).toEqual(await everything(layer, js));
  });

  test.each(["apply", "rowDot", "decayVjp"] as const)("leaves nothing behind where %s fails", (kernel) => {
    const backend = createDeviceBackend(kernel) as unknown as Backend<HostTensor>;
    const tensors = upload(backend, layer, problem, inputsOf(layer, problem, 0, 4), "f32");
    const memory = backend.memory();
    const output = backend.upload({ data: new Float32Array(1), shape: [2, 17, 12], strides: [0, 0, 0] });
    const state = backend.upload({ data: new Float32Array(1), shape: [8, 5, 3], strides: [0, 0, 0] });
    const options = { heads, initialState: state };
    const kinds = Object.values(layer.inputs);
    const decays = layer.name === "retention" || kinds.some((kind) => ["g", "gChannel", "A"].includes(kind));
    if (kernel === "decayVjp") {
      const call = () => layer.backward(backend, tensors, { output, finalState: state }, options);
      if (decays) expect(call).toThrow("decayVjp is broken");
      else for (const t of Object.values(call())) t.dispose();
    } else {
      const call = () => layer.forward(backend, tensors, { ...options, finalState: true });
      expect(call).toThrow(`${kernel} is broken`);
    }
    output.dispose();
    state.dispose();
    expect(backend.memory()).toEqual(memory);
  });

  test("normalised keys are refused where there is no kernel for them", () => {
    const backend = createDeviceBackend(undefined, ["normalizeRows"]) as unknown as Backend<HostTensor>;
    const tensors = upload(backend, layer, problem, inputsOf(layer, problem, 0, 4), "f32");
    const memory = backend.memory();
    const call = () => layer.forward(backend, tensors, { heads, normalizeKeys: true });
    expect(call).toThrow(UnsupportedError);
    expect(call).toThrow(/^backend: expected one with the kernel normalizeRows, .*, got device without it/);
    expect(backend.memory()).toEqual(memory);
  });
});
