import { createJsBackend } from "@dlrt/backend-js";
import {
  DtypeError,
  ShapeError,
  ValueError,
  type Backend,
  type FloatArray,
  type HostTensor,
} from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import * as host from "../src/host.js";
import type { HostLayerOptions, HostLayerResult } from "../src/host.js";
import { createDeviceBackend } from "./device-backend.js";
import { errorOf, inputsOf, named, stateShape, upload, type Layer } from "./layers.js";

/** Sequences side by side, whose rows of a piece lie apart; so many that a piece is less than half of the tokens. */
const problem = {
  batch: 48,
  tokens: 400,
  heads: { query: 2, key: 2, value: 4 },
  keyWidth: 6,
  valueWidth: 3,
};
const options = { heads: problem.heads, shape: [problem.batch, problem.tokens] as const };

type Run = (backend: Backend, inputs: object, options: Partial<HostLayerOptions>) => Promise<HostLayerResult>;
const onHost = ({ name }: Layer): Run => host[name.split(",")[0] as "gla"] as unknown as Run;

const same = (a: FloatArray, b: FloatArray): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

/** backend-js, and the largest number of bytes that its tensors ever had. */
function watched(): { backend: Backend<HostTensor>; most: () => number } {
  const backend = createJsBackend();
  let most = 0;
  const { upload } = backend;
  backend.upload = (view) => {
    const t = upload.call(backend, view);
    most = Math.max(most, backend.memory().bytes);
    return t;
  };
  return { backend, most: () => most };
}

/** With a parameter, with several rows a token, composed and by one kernel: what the pieces are made of differs nowhere else. */
const layers = ["retention", "ssd", "gatedDeltaRule", "gatedDeltaProduct, 2 steps"];

describe.each(layers.map(named))("$name in pieces", (layer) => {
  test("what the whole gives, in the memory of a piece; states of either layout", async () => {
    const inputs = inputsOf(layer, problem, "mixed", 3);
    const { backend, most } = watched();
    const state = new Float64Array(stateShape(problem).reduce((a, b) => a * b)).map((_, i) => Math.sin(i));
    const given = { ...options, stateLayout: "vk", initialState: state, finalState: true } as const;
    const got = await onHost(layer)(backend, inputs, given);
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
    const bytes = Object.values(inputs).reduce((sum, { byteLength }) => sum + byteLength, state.byteLength);
    expect(most()).toBeLessThan(0.8 * bytes);

    const tensors = upload(backend, layer, problem, inputs, "f64");
    const [count, K, V] = stateShape(problem);
    const initialState = backend.upload({ data: state, shape: [count, V, K] });
    const right = layer.forward(backend, tensors, {
      ...{ heads: problem.heads, stateLayout: "vk", initialState, finalState: true },
    });
    expect(errorOf(got.output, Float64Array.from(readView(right.output)))).toBeLessThan(1e-14);
    expect(errorOf(got.finalState!, Float64Array.from(readView(right.finalState!)))).toBeLessThan(1e-14);
  });
});

describe("gatedDeltaRule", () => {
  const layer = named("gatedDeltaRule");
  const inputs = inputsOf(layer, problem, "typical", 4);
  const { batch, tokens } = problem;

  test("from 0, without a final state, into an array of the caller's", async () => {
    const backend = createJsBackend();
    const fresh = await onHost(layer)(backend, inputs, options);
    const size = fresh.output.length;
    const all = new Float64Array(size + 2).fill(7);
    const output = all.subarray(1, size + 1);
    const into = await onHost(layer)(backend, inputs, { ...options, output });
    expect(into.output).toBe(output);
    expect(same(output, fresh.output)).toBe(true);
    expect([all[0], all[size + 1]]).toEqual([7, 7]);
    expect(into.finalState).toBeUndefined();
    // One piece, too.
    const first = Object.fromEntries(
      Object.entries(inputs).map(([name, x]) => [name, x.subarray(0, x.length / batch / 4)]),
    );
    const small = new Float64Array(size / batch / 4);
    const one = await onHost(layer)(backend, first, { ...options, shape: [1, tokens / 4], output: small });
    expect(one.output).toBe(small);
    expect(errorOf(small, Float64Array.from(fresh.output.subarray(0, small.length)))).toBeLessThan(1e-14);
    expect(backend.memory().tensors).toBe(0);
  });

  test("views of arrays in an order of their own", async () => {
    const backend = createJsBackend();
    const turned = Object.fromEntries(
      Object.entries(inputs).map(([name, x]) => {
        const columns = x.length / (batch * tokens);
        const at = (i: number) =>
          (Math.floor(i / columns) % batch) * tokens * columns +
          Math.floor(i / columns / batch) * columns +
          (i % columns);
        const data = new Float64Array(x.length + 5).map((_, i) => (i < 5 ? NaN : x[at(i - 5)]!));
        return [
          name,
          { data, shape: [batch, tokens, columns], strides: [columns, batch * columns, 1], offset: 5 },
        ];
      }),
    );
    const [got, right] = [
      await onHost(layer)(backend, turned, options),
      await onHost(layer)(backend, inputs, options),
    ];
    expect(same(got.output, right.output)).toBe(true);
  });

  test("a device takes the whole at once: its pieces would be calls that wait for each other", async () => {
    const kernels: string[] = [];
    const device = createDeviceBackend(undefined, [], (kernel) => kernels.push(kernel));
    const got = await onHost(layer)(device, inputs, options);
    expect(kernels).toEqual(["deltaRule"]);
    const right = await onHost(layer)(createJsBackend(), inputs, options);
    expect(errorOf(got.output, Float64Array.from(right.output))).toBeLessThan(1e-14);
    expect(device.memory().tensors).toBe(0);
  });

  const length = batch * tokens * 12;
  const cases: readonly (readonly [string, object, object, new (...of: never) => Error, RegExp])[] = [
    [
      "a row too many",
      { beta: new Float64Array(inputs["beta"]!.length + batch * 4) },
      {},
      ShapeError,
      /^beta/,
    ],
    [
      "columns that do not fit, told of the whole",
      { key: inputs["query"]!.subarray(0, batch * tokens * 6) },
      {},
      ShapeError,
      /400/,
    ],
    [
      "an output too short",
      {},
      { output: new Float64Array(length - 1) },
      ShapeError,
      /^output: expected 230400 elements/,
    ],
    [
      "an output of another type",
      {},
      { output: new Float32Array(length) },
      DtypeError,
      /^output: expected f64, got f32/,
    ],
    ["no array", {}, { output: true }, DtypeError, /^output: expected a Float32Array/],
    [
      "an output over an input",
      {},
      { output: inputs["value"] },
      ValueError,
      /^output: expected memory that value does not share/,
    ],
    [
      "an output over the final state",
      {},
      { output: new Float64Array(length), finalState: "the output's" },
      ValueError,
      /^output: .*finalState/,
    ],
  ];
  test.each(cases)("%s", async (_, changed, given, type, pattern) => {
    const { output, finalState } = given as { output?: FloatArray; finalState?: string };
    const states = finalState === undefined ? {} : { finalState: output!.subarray(0, batch * 4 * 18) };
    const backend = createJsBackend();
    const call = () => onHost(layer)(backend, { ...inputs, ...changed }, { ...options, ...given, ...states });
    await expect(call()).rejects.toThrow(pattern);
    await expect(call()).rejects.toThrow(type);
    expect(backend.memory().tensors).toBe(0);
  });

  const view = { data: inputs["value"], shape: [batch, tokens, 12] };
  const views: readonly (readonly [string, object, new (...of: never) => Error, RegExp])[] = [
    [
      "too short for the last piece alone",
      { ...view, data: view.data!.subarray(1) },
      ShapeError,
      /^view.data: expected a buffer holding elements 0 to 230399, got 230399 elements/,
    ],
    [
      "whose last rows lie before the array",
      { ...view, strides: [4800, -12, 1], offset: 398 * 12 },
      ShapeError,
      /^view.data: expected a buffer holding elements -12 to 230387/,
    ],
    [
      "of no offset",
      { ...view, offset: null },
      ShapeError,
      /^view.offset: expected an integer ≥ 0, got null/,
    ],
    ["of nothing", { ...view, data: null }, DtypeError, /^value: expected a Float32Array/],
    ["of no shape", { ...view, shape: null }, ShapeError, /^value.shape: expected \[batch, rows, cols\]/],
    ["of a shape that is a number", { ...view, shape: 5 }, ShapeError, /^value.shape: .*got 5/],
  ];
  test.each(views)(
    "a view %s is told of the whole, and nothing is written",
    async (_, value, type, pattern) => {
      const backend = createJsBackend();
      const output = new Float64Array(length).fill(7);
      const call = () => onHost(layer)(backend, { ...inputs, value }, { ...options, output });
      await expect(call()).rejects.toThrow(pattern);
      await expect(call()).rejects.toThrow(type);
      expect(output.every((x) => x === 7)).toBe(true);
      expect(backend.memory().tensors).toBe(0);
    },
  );

  test("a view of nothing that comes first is told by its type", async () => {
    const query = { data: null, shape: view.shape };
    await expect(onHost(layer)(createJsBackend(), { ...inputs, query }, options)).rejects.toThrow(DtypeError);
  });

  test("an array that loses its memory meanwhile is named", async () => {
    const one = { ...options, shape: [1, tokens] as const };
    const first = Object.fromEntries(
      Object.entries(inputs).map(([name, x]) => [name, x.subarray(0, x.length / batch)]),
    );
    for (const [sizes, arrays] of [
      [options, inputs],
      [one, first],
    ] as const) {
      const backend = createJsBackend();
      const output = new Float64Array(sizes.shape[0] * tokens * 12);
      const finalState = new Float64Array(sizes.shape[0] * 4 * 18);
      const { upload } = backend;
      let gone: Float64Array<ArrayBuffer> | undefined = output;
      backend.upload = (of) => {
        if (gone) structuredClone(gone, { transfer: [gone.buffer] });
        gone = undefined;
        return upload.call(backend, of);
      };
      await expect(onHost(layer)(backend, arrays, { ...sizes, output })).rejects.toThrow(
        /^output: expected \d+ elements or more, got 0 elements/,
      );
      gone = finalState;
      await expect(onHost(layer)(backend, arrays, { ...sizes, finalState })).rejects.toThrow(
        /^finalState: expected \d+ elements or more, got 0 elements/,
      );
      expect(backend.memory().tensors).toBe(0);
    }
  });

  test("a failure in a later piece is told, and leaves nothing behind", async () => {
    const backend = createJsBackend();
    const { upload } = backend;
    let left = 12;
    backend.upload = (view) => {
      if (left-- === 0) throw new Error("no memory left");
      return upload.call(backend, view);
    };
    await expect(onHost(layer)(backend, inputs, options)).rejects.toThrow("no memory left");
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });
});
