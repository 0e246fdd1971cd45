import { createJsBackend } from "@dlrt/backend-js";
import type { Backend, FloatArray, HostTensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import { createDeviceBackend } from "./device-backend.js";
import { onHost } from "./host-layers.js";
import { errorOf, inputsOf, named, stateShape, upload } from "./layers.js";
import { options, problem } from "./stream.js";

const same = (a: FloatArray, b: FloatArray): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

/** Makes backend-js, with a function that tells the largest number of bytes that its tensors ever had. */
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

/**
 * Layers with and without a parameter, with one and several rows for each token, composed and computed by one kernel. How pieces are cut
 * differs in nothing else.
 */
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
    // A call that is a single piece fills the caller's array as well.
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
