import { createJsBackend } from "@dlrt/backend-js";
import { DisposedError, ValueError, type HostTensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import {
  deltaRule,
  deltaRuleVjp,
  gatedDeltaRule,
  gatedDeltaRuleVjp,
  type Kept,
  type VjpOptions,
} from "../src/index.js";
import { all, hasKernel, inputsOf, stateShape, upload } from "./layers.js";

const heads = { query: 4, key: 2, value: 4 };
const problem = { batch: 2, tokens: 17, heads, keyWidth: 5, valueWidth: 3 };
const lengths = Int32Array.of(17, 9);
const bounds = Int32Array.of(0, 3, 3, 17);

/** The options that change in which form a layer's rows come to the kernel. */
const ways = [
  { name: "as they are", own: {}, options: {} },
  { name: "normalised keys", own: {}, options: { normalizeKeys: true } },
  { name: "padding", own: {}, options: { padding: { side: "left", lengths } } },
  { name: "sequences", own: { batch: 1 }, options: { sequences: bounds } },
  { name: "modulo", own: {}, options: { heads: { query: 8, key: 2, value: 4, order: "modulo" } } },
  { name: "two readers a state", own: {}, options: { heads: { query: 8, key: 4, value: 4 } } },
] as const;

describe.each(all)("$name", (layer) => {
  test.each(ways)("$name: gradients from what was kept", ({ own, options: given }) => {
    const backend = createJsBackend();
    const options = { heads, ...given };
    const whole = { ...problem, ...own, heads: options.heads };
    const tensors = upload(backend, layer, whole, inputsOf(layer, whole, "mixed", 4), "f64");
    const sequences = "sequences" in given ? 3 : 1;
    const [count, K, V] = stateShape(whole);
    const state = backend.upload({
      data: new Float64Array(1).fill(0.5),
      shape: [count * sequences, K, V],
      strides: [0, 0, 0],
    });
    const call = { ...options, initialState: state } as VjpOptions<HostTensor>;
    const { output, kept } = layer.forward(backend, tensors, { ...call, keep: true });
    const plain = layer.forward(backend, tensors, call);
    expect(output.data).toEqual(plain.output.data);
    expect(plain.kept).toBeUndefined();
    const before = backend.memory();
    const again = layer.backward(backend, tensors, { output }, call);
    const from = layer.backward(backend, tensors, { output }, { ...call, kept });
    for (const [name, t] of Object.entries(from)) {
      const [got, right] = [readView(t), Float64Array.from(readView(again[name]!))];
      const size = right.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      for (let at = 0; at < right.length; at++)
        expect(Math.abs(got[at]! - right[at]!), name).toBeLessThanOrEqual(1e-13 * size);
    }
    for (const t of [...Object.values(again), ...Object.values(from)]) t.dispose();
    expect(backend.memory()).toEqual(before);
    const there = createJsBackend().kernels.deltaRule !== undefined;
    kept!.dispose();
    kept!.dispose();
    expect(kept!.disposed).toBe(true);
    expect(before.tensors > backend.memory().tensors).toBe(there && hasKernel(layer));
    for (const t of [...Object.values(tensors), state, output, plain.output]) t.dispose();
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });
});

describe("what does not fit is refused", () => {
  const backend = createJsBackend();
  const draw = (cols: number, seed: number): HostTensor =>
    backend.upload({
      data: Float32Array.from({ length: 6 * cols }, (_, i) => Math.sin(seed * (i + 1))),
      shape: [1, 6, cols],
    });
  const inputs = {
    query: draw(8, 1),
    key: draw(8, 2),
    value: draw(6, 3),
    beta: draw(2, 4),
    decay: draw(2, 5),
  };
  const options = { heads: { query: 2 } };
  const { output, kept } = gatedDeltaRule(backend, inputs, { ...options, keep: true });
  const state = backend.upload({ data: new Float32Array(24), shape: [2, 4, 3] });
  const { decay: _, ...ungated } = inputs;
  const gone = gatedDeltaRule(backend, inputs, { ...options, keep: true }).kept!;
  gone.dispose();
  const cases: readonly (readonly [object, object, RegExp])[] = [
    [{}, { kept: {} }, /^kept: expected the `kept` of a forward call with keep: true, got/],
    [{}, { kept: true }, /^kept: expected the `kept` of a forward call/],
    [{}, { kept: null }, /^kept: expected the `kept` of a forward call/],
    [{ key: draw(8, 2) }, {}, /^kept: expected one of a call with these inputs, got one with another key/],
    // This view of one head has the place and the stride of the whole array.
    [
      { beta: backend.view(inputs.beta, [1, 6, 1], inputs.beta.layout) },
      {},
      /^kept: expected one of a call with these inputs, got one with another beta/,
    ],
    [{}, { initialState: state }, /^kept: expected one of a call of .*"state":true.*, got .*"state":false/],
    [{}, { normalizeKeys: true }, /^kept: expected one of a call of .*"eps":0.000001/],
    [{}, { sequences: Int32Array.of(0, 2, 6) }, /^kept: expected one of a call of .*"start":2/],
    [{}, { keep: 1 }, /^keep: expected a boolean, got 1/],
  ];
  test.each(cases)("%o %o", (changed, own, pattern) => {
    const memory = backend.memory();
    const call = () =>
      gatedDeltaRuleVjp(backend, { ...inputs, ...changed }, { output }, {
        ...options,
        kept,
        ...own,
      } as never);
    expect(call).toThrow(ValueError);
    expect(call).toThrow(pattern);
    expect(backend.memory()).toEqual(memory);
  });

  test("that of another layer, what is disposed, and a forward call with one", () => {
    expect(() => deltaRuleVjp(backend, ungated, { output }, { ...options, kept })).toThrow(
      /^kept: expected one of this layer, got one of another/,
    );
    expect(() => gatedDeltaRuleVjp(backend, inputs, { output }, { ...options, kept: gone })).toThrow(
      DisposedError,
    );
    expect(() => deltaRule(backend, ungated, { ...options, kept } as never)).toThrow(/^options: expected no/);
  });

  test("that of another backend, over the same memory", () => {
    const other = createJsBackend();
    const wrapped = Object.fromEntries(
      Object.entries({ ...inputs, output }).map(([name, t]) => [name, other.wrap(t.data, t.shape)]),
    );
    const { output: bar, ...same } = wrapped as unknown as typeof inputs & { output: HostTensor };
    const call = () => gatedDeltaRuleVjp(other, same, { output: bar }, { ...options, kept });
    expect(call).toThrow(ValueError);
    expect(call).toThrow(/^kept: expected a tensor of this backend/);
  });

  test("views of the same elements and a proxy of what was kept will do", () => {
    const key = backend.view(inputs.key, [1, 6, 8], inputs.key.layout);
    const proxy = new Proxy(kept as Kept, {});
    const gradients = gatedDeltaRuleVjp(backend, { ...inputs, key }, { output }, { ...options, kept: proxy });
    const right = gatedDeltaRuleVjp(backend, inputs, { output }, { ...options, kept });
    for (const [name, t] of Object.entries(gradients)) {
      expect(t.data, name).toEqual(right[name as keyof typeof right]!.data);
      t.dispose();
    }
  });

  test("a backend that keeps nothing gives an empty one", async () => {
    const plain = createJsBackend();
    const own = plain as { keptShape?: unknown };
    own.keptShape = undefined;
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([name, t]) => [name, plain.upload({ data: t.data, shape: t.shape })]),
    ) as unknown as typeof inputs;
    const before = plain.memory().tensors;
    const result = gatedDeltaRule(plain, tensors, { ...options, keep: true });
    expect(plain.memory().tensors).toBe(before + 1);
    const cotangents = { output: result.output };
    const gradients = gatedDeltaRuleVjp(plain, tensors, cotangents, { ...options, kept: result.kept });
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(inputs).sort());
    await plain.dispose();
  });
});
