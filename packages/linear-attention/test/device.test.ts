import { createJsBackend } from "@dlrt/backend-js";
import {
  UnsupportedError,
  type Backend,
  type HostTensor,
  type KernelName,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { describe, expect, test } from "vitest";
import { createDeviceBackend, type DeviceTensor } from "./device-backend.js";
import { all, hasKernel, inputsOf, upload, type Layer } from "./layers.js";

const heads = { query: 4, key: 2, value: 4 };
const problem = { batch: 2, tokens: 17, heads, keyWidth: 5, valueWidth: 3 };

/** Reads all that a layer gives, forward and back. The layers of the tests are typed for tensors of the host, but look at no elements. */
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

/** Makes one call, and disposes all that was made for it and by it, also where it throws. */
function runOn(own: Backend<DeviceTensor>, layer: Layer, way: "forward" | "backward"): void {
  const backend = own as unknown as Backend<HostTensor>;
  const tensors = upload(backend, layer, problem, inputsOf(layer, problem, 0, 4), "f32");
  const constant = (shape: Shape) => backend.upload({ data: new Float32Array(1), shape, strides: [0, 0, 0] });
  const [output, state] = [constant([2, 17, 12]), constant([8, 5, 3])];
  const options = { heads, initialState: state };
  let results: object = {};
  try {
    results =
      way === "forward"
        ? layer.forward(backend, tensors, { ...options, finalState: true })
        : layer.backward(backend, tensors, { output, finalState: state }, options);
  } finally {
    for (const t of [...Object.values(tensors), output, state, ...Object.values(results)]) t.dispose();
  }
}

describe.each(all)("$name", (layer) => {
  test("needs no element of a tensor on the host, forward and back", async () => {
    const device = createDeviceBackend() as unknown as Backend<Tensor>;
    const js = createJsBackend() as unknown as Backend<Tensor>;
    expect(await everything(layer, device)).toEqual(await everything(layer, js));
  });

  test.each(["apply", "rowDot", "decayVjp", "deltaRule", "deltaRuleVjp"] as const)(
    "leaves nothing behind where %s fails",
    (kernel) => {
      for (const way of ["forward", "backward"] as const) {
        const called = new Set<KernelName>();
        runOn(
          createDeviceBackend(undefined, [], (name) => called.add(name)),
          layer,
          way,
        );
        const broken = createDeviceBackend(kernel);
        if (called.has(kernel)) expect(() => runOn(broken, layer, way)).toThrow(`${kernel} is broken`);
        else runOn(broken, layer, way);
        expect(broken.memory()).toEqual({ tensors: 0, bytes: 0 });
      }
    },
  );

  test.each(["forward", "backward"] as const)("%s: the kernel of a delta rule, where there is one", (way) => {
    const called = new Set<KernelName>();
    runOn(
      createDeviceBackend(undefined, [], (name) => called.add(name)),
      layer,
      way,
    );
    const kernel = way === "forward" ? "deltaRule" : "deltaRuleVjp";
    const there = createJsBackend().kernels[kernel] !== undefined;
    expect(called.has(kernel)).toBe(there && hasKernel(layer));
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
