import { createJsBackend } from "@dlrt/backend-js";
import type { Backend, FloatArray, KernelName } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import * as host from "../src/host.js";
import type { ReferenceProblem } from "../src/reference/index.js";
import { createDeviceBackend } from "./device-backend.js";
import { backOnHost, onHost } from "./host-layers.js";
import { all, inputsOf, stateShape, typed, upload, type Arrays } from "./layers.js";
import { numbers } from "./random.js";

const heads = { query: 4, key: 2, value: 4 };
const problem: ReferenceProblem = { batch: 2, tokens: 17, heads, keyWidth: 5, valueWidth: 3 };
const shape = [2, 17] as const;
const typedInputs = (arrays: Arrays, dtype: "f32" | "f64"): Record<string, FloatArray> =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, typed(array, dtype)]));
describe.each(all)("$name", (layer) => {
  const arrays = inputsOf(layer, problem, "typical", 51);
  const [count, K, V] = stateShape(problem);
  const state = numbers(count * K * V, 52);
  const bar = numbers(2 * 17 * 4 * V, 53);

  test.each(["f32", "f64"] as const)(
    "gives in %s what the tensors give, and leaves nothing",
    async (dtype) => {
      const backend = createJsBackend();
      const inputs = typedInputs(arrays, dtype);
      const initialState = typed(state, dtype);
      const options = { heads, shape, initialState };
      const got = await onHost(layer)(backend, inputs, { ...options, finalState: true });
      const back = await backOnHost(layer)(
        backend,
        inputs,
        { output: typed(bar, dtype), finalState: initialState },
        options,
      );
      expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });

      const tensors = upload(backend, layer, problem, arrays, dtype);
      const start = backend.upload({ data: initialState, shape: [count, K, V] });
      const output = backend.upload({ data: typed(bar, dtype), shape: [2, 17, 4 * V] });
      const expected = layer.forward(backend, tensors, { heads, initialState: start, finalState: true });
      expect(got.output).toEqual(readView(expected.output));
      expect(got.finalState).toEqual(readView(expected.finalState!));
      const cotangents = { output, finalState: start };
      const gradients = layer.backward(backend, tensors, cotangents, { heads, initialState: start });
      expect(Object.keys(back).sort()).toEqual(Object.keys(gradients).sort());
      for (const [name, t] of Object.entries(gradients)) expect(back[name], name).toEqual(readView(t));
    },
  );

  test("fills the final state it is given, the initial one too; alone it gives the output", async () => {
    const backend = createJsBackend();
    const inputs = typedInputs(arrays, "f32");
    const both = typed(state, "f32");
    const expected = await onHost(layer)(backend, inputs, {
      heads,
      shape,
      initialState: both.slice(),
      finalState: true,
    });
    const got = await onHost(layer)(backend, inputs, {
      heads,
      shape,
      initialState: both,
      finalState: both,
    });
    expect(got.finalState).toBe(both);
    expect(both).toEqual(expected.finalState);
    expect(Object.keys(await onHost(layer)(backend, inputs, { heads, shape }))).toEqual(["output"]);
    expect(backend.memory().tensors).toBe(0);
  });

  test("takes views, with shapes of their own", async () => {
    const backend = createJsBackend();
    const inputs = typedInputs(arrays, "f32");
    const views = Object.fromEntries(
      Object.entries(upload(backend, layer, problem, arrays, "f32")).map(([name, t]) => {
        const [batch, rows, cols] = t.shape;
        const wide = new Float32Array(batch * rows * (cols + 2) + 1).fill(NaN);
        inputs[name]!.forEach((x, at) => (wide[Math.floor(at / cols) * (cols + 2) + (at % cols) + 1] = x));
        const strides = [rows * (cols + 2), cols + 2, 1] as const;
        const view = { data: wide, shape: t.shape, strides, offset: 1 };
        t.dispose();
        return [name, view];
      }),
    );
    const initialState = { data: typed(state, "f32"), shape: [count, K, V] } as const;
    const got = await onHost(layer)(backend, views, { heads, initialState });
    const expected = await onHost(layer)(backend, inputs, {
      heads,
      shape,
      initialState: initialState.data,
    });
    expect(got).toEqual(expected);
    expect(backend.memory().tensors).toBe(0);
  });

  test("a device that fails leaves nothing behind", async () => {
    const inputs = typedInputs(arrays, "f32");
    const calls: ((backend: Backend) => Promise<unknown>)[] = [
      (backend) => onHost(layer)(backend, inputs, { heads, shape, finalState: true }),
      (backend) => backOnHost(layer)(backend, inputs, { output: typed(bar, "f32") }, { heads, shape }),
    ];
    for (const call of calls) {
      const called = new Set<KernelName>();
      const note = (kernel: KernelName): void => void called.add(kernel);
      await call(createDeviceBackend(undefined, [], note) as unknown as Backend);
      for (const kernel of called) {
        const backend = createDeviceBackend(kernel) as unknown as Backend;
        await expect(call(backend)).rejects.toThrow(`${kernel} is broken`);
        expect(backend.memory().tensors).toBe(0);
      }
    }
  });
});

test("states in either layout, packed sequences, and no token", async () => {
  const backend = createJsBackend();
  const sequences = Int32Array.of(0, 4, 4, 9);
  const one = { query: 1 };
  const inputs = {
    query: new Float32Array(18).fill(0.5),
    key: new Float32Array(18).fill(0.25),
    value: new Float32Array(27).fill(1),
    decay: new Float32Array(9).fill(-0.5),
  };
  const options = { heads: one, shape: [1, 9], sequences, finalState: true } as const;
  const kv = await host.simpleGla(backend, inputs, options);
  const vk = await host.simpleGla(backend, inputs, { ...options, stateLayout: "vk" });
  expect(kv.finalState!.length).toBe(3 * 2 * 3);
  for (let n = 0; n < 3; n++)
    for (let i = 0; i < 2; i++)
      for (let j = 0; j < 3; j++)
        expect(vk.finalState![n * 6 + j * 2 + i]).toBe(kv.finalState![n * 6 + i * 3 + j]);
  const none = new Float32Array(0);
  const empty = { query: none, key: none, value: none, decay: none };
  const got = await host.simpleGla(backend, empty, { heads: one, shape: [1, 0] });
  expect(got.output.length).toBe(0);
  // Where there is no token, only a view can tell how many columns there are.
  const query = { data: none, shape: [1, 0, 2] } as const;
  const value = { data: none, shape: [1, 0, 3] } as const;
  const initialState = Float32Array.of(1, 2, 3, 4, 5, 6);
  const gates = { data: none, shape: [1, 0, 1] } as const;
  const kept = await host.simpleGla(
    backend,
    { query, key: query, value, decay: gates },
    { heads: one, initialState, finalState: true },
  );
  expect(kept.finalState).toEqual(initialState);
  expect(backend.memory().tensors).toBe(0);
});
