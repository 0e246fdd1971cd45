import { createJsBackend } from "@dlrt/backend-js";
import {
  DtypeError,
  ShapeError,
  ValueError,
  type Backend,
  type FloatArray,
  type HostView,
  type KernelName,
} from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import * as host from "../src/host.js";
import type { HostCotangents, HostLayerOptions, HostLayerResult } from "../src/host.js";
import type { ReferenceProblem } from "../src/reference/index.js";
import * as reference from "../src/reference/index.js";
import { createDeviceBackend } from "./device-backend.js";
import { all, inputsOf, stateShape, typed, upload, type Arrays, type Layer } from "./layers.js";
import { randomFrom } from "../../../tooling/random.mjs";

type Inputs = Readonly<Record<string, FloatArray | HostView>>;
type Forward = (backend: Backend, inputs: Inputs, options: HostLayerOptions) => Promise<HostLayerResult>;
type Back = (
  backend: Backend,
  inputs: Inputs,
  cotangents: HostCotangents,
  options: HostLayerOptions,
) => Promise<Readonly<Record<string, FloatArray>>>;

const nameOf = ({ name }: Layer) => name.split(",")[0] as "gla";
const forwardOf = (layer: Layer) => host[nameOf(layer)] as unknown as Forward;
const backOf = (layer: Layer) => host[`${nameOf(layer)}Vjp`] as unknown as Back;

const heads = { query: 4, key: 2, value: 4 };
const problem: ReferenceProblem = { batch: 2, tokens: 17, heads, keyWidth: 5, valueWidth: 3 };
const shape = [2, 17] as const;
const typedInputs = (arrays: Arrays, dtype: "f32" | "f64"): Record<string, FloatArray> =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, typed(array, dtype)]));
const numbers = (size: number, seed: number): Float64Array => {
  const random = randomFrom(seed);
  return Float64Array.from({ length: size }, () => Math.fround(random()));
};

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
      const got = await forwardOf(layer)(backend, inputs, { ...options, finalState: true });
      const back = await backOf(layer)(
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
    const expected = await forwardOf(layer)(backend, inputs, {
      heads,
      shape,
      initialState: both.slice(),
      finalState: true,
    });
    const got = await forwardOf(layer)(backend, inputs, {
      heads,
      shape,
      initialState: both,
      finalState: both,
    });
    expect(got.finalState).toBe(both);
    expect(both).toEqual(expected.finalState);
    expect(Object.keys(await forwardOf(layer)(backend, inputs, { heads, shape }))).toEqual(["output"]);
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
    const got = await forwardOf(layer)(backend, views, { heads, initialState });
    const expected = await forwardOf(layer)(backend, inputs, {
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
      (backend) => forwardOf(layer)(backend, inputs, { heads, shape, finalState: true }),
      (backend) => backOf(layer)(backend, inputs, { output: typed(bar, "f32") }, { heads, shape }),
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
  // Where there is no token, only a view tells the columns.
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

test("DeltaFormer and the logits of PaTH", async () => {
  const backend = createJsBackend();
  const sizes = { batch: 1, tokens: 20, keyWidth: 4, valueWidth: 3, heads: { query: 2, key: 1, value: 1 } };
  const shape = [1, 20] as const;
  const query = numbers(20 * 8, 1);
  const [key, erase] = [numbers(20 * 4, 2), numbers(20 * 4, 3)];
  const [value, beta] = [numbers(20 * 3, 4), numbers(20, 5).map(Math.abs)];
  const near = (got: FloatArray, expected: Float64Array) => {
    expect(got.length).toBe(expected.length);
    got.forEach((x, at) => expect(Math.abs(x - expected[at]!)).toBeLessThan(1e-13));
  };
  const { output } = await host.deltaFormer(
    backend,
    { query, key, value, beta },
    { heads: sizes.heads, shape },
  );
  near(output, reference.deltaFormer(sizes, { query, key, value, beta }));
  const two = { query: 2, key: 1 };
  const logits = await host.pathLogits(backend, { query, key, erase, beta }, { heads: two, shape });
  near(logits, reference.pathLogits({ ...sizes, heads: two }, { query, key, erase, beta }));
  const former = await host.deltaFormerVjp(
    backend,
    { query, key, value },
    { output },
    { heads: sizes.heads, shape },
  );
  expect(Object.entries(former).map(([name, { length }]) => [name, length])).toEqual([
    ["query", 160],
    ["key", 80],
    ["value", 60],
  ]);
  const path = await host.pathLogitsVjp(backend, { query, key, erase, beta }, logits, { heads: two, shape });
  expect(path.beta.length).toBe(20);
  expect(backend.memory().tensors).toBe(0);
});

describe("bad input is refused before anything is allocated, by name", () => {
  const backend = createJsBackend();
  const f32 = (length: number) => new Float32Array(length);
  const inputs = { query: f32(48), key: f32(48), value: f32(36), beta: f32(12), decay: f32(12) };
  const options = { heads: { query: 2 }, shape: [1, 6] };
  const cases: readonly (readonly [object, object, new (...of: never) => Error, RegExp])[] = [
    [
      {},
      { shape: undefined },
      ShapeError,
      /^shape: expected \[B, T\] for query, which has no shape, got undefined/,
    ],
    [{}, { shape: [1, 6, 8] }, ShapeError, /^shape: /],
    [{}, { shape: [1, -6] }, ShapeError, /^shape: /],
    [{}, { heads: undefined }, ValueError, /^heads: /],
    [{}, { head: 2 }, ValueError, /^options: .*did you mean heads/],
    [{ betas: f32(12) }, {}, ValueError, /^inputs: .*did you mean beta/],
    [{ beta: undefined }, {}, ValueError, /^beta: expected a tensor/],
    [{ query: [1, 2] }, {}, DtypeError, /^query: expected a Float32Array or Float64Array/],
    [{ query: f32(47) }, {}, ShapeError, /^query: expected a multiple of 6 rows, \[1, 6\], got 47 elements/],
    [{ value: new Float64Array(36) }, {}, DtypeError, /^value: expected f32, got f64/],
    [{ key: f32(36) }, {}, ShapeError, /^query|^key/],
    [
      {},
      { initialState: f32(23) },
      ShapeError,
      /^initialState: expected 24 elements, \[2, 4, 3\], got 23 elements/,
    ],
    [{}, { finalState: f32(25) }, ShapeError, /^finalState: expected 24 elements/],
    [{}, { sequences: 5 }, ValueError, /^sequences: /],
  ];
  test.each(cases)("%o %o", async (changed, given, type, pattern) => {
    const call = () =>
      host.gatedDeltaRule(backend, { ...inputs, ...changed } as never, { ...options, ...given } as never);
    await expect(call()).rejects.toThrow(pattern);
    await expect(call()).rejects.toThrow(type);
    expect(backend.memory().tensors).toBe(0);
  });

  test("no inputs, no options, no backend, no cotangents", async () => {
    const { gatedDeltaRule, gatedDeltaRuleVjp, deltaFormerVjp, pathLogitsVjp } = host;
    const given = options as never;
    await expect(gatedDeltaRule(backend, undefined as never, given)).rejects.toThrow(
      /^inputs: expected query/,
    );
    await expect(gatedDeltaRule(backend, {} as never, given)).rejects.toThrow(/^query: expected a tensor/);
    await expect(gatedDeltaRule(backend, inputs, undefined as never)).rejects.toThrow(
      /^options: expected at least/,
    );
    await expect(gatedDeltaRule({} as never, inputs, given)).rejects.toThrow(/^backend: expected a Backend/);
    await expect(gatedDeltaRuleVjp(backend, inputs, undefined as never, given)).rejects.toThrow(
      /^cotangents: /,
    );
    await expect(gatedDeltaRuleVjp(backend, inputs, { output: f32(35) }, given)).rejects.toThrow(
      /^cotangents.output: expected 36 elements/,
    );
    const { decay: _, beta: __, ...three } = inputs;
    await expect(deltaFormerVjp(backend, three, undefined as never, given)).rejects.toThrow(/^cotangents: /);
    const path = { query: inputs.query, key: inputs.key, erase: inputs.key, beta: inputs.beta };
    await expect(pathLogitsVjp(backend, path, f32(71), given)).rejects.toThrow(
      /^cotangent: expected 72 elements/,
    );
    expect(backend.memory().tensors).toBe(0);
  });
});
