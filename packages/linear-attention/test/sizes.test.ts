import { createJsBackend } from "@dlrt/backend-js";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import { all, errorOf, inputsOf, named, stateShape, upload } from "./layers.js";
import { randomFrom } from "../../../tooling/random.mjs";

const heads = { query: 4, key: 2, value: 2 };

describe.each(all)("$name", (layer) => {
  test.each([
    { batch: 0, tokens: 3, keyWidth: 2, valueWidth: 2 },
    { batch: 2, tokens: 0, keyWidth: 2, valueWidth: 3 },
    { batch: 2, tokens: 3, keyWidth: 0, valueWidth: 2 },
    { batch: 2, tokens: 3, keyWidth: 2, valueWidth: 0 },
    { batch: 1, tokens: 3, keyWidth: 1, valueWidth: 1 },
  ])("%j, forward and back", (sizes) => {
    const problem = { ...sizes, heads };
    const backend = createJsBackend();
    const tensors = upload(backend, layer, problem, inputsOf(layer, problem, "typical", 1), "f64");
    const random = randomFrom(2);
    const shape = stateShape(problem);
    const count = shape[0] * shape[1] * shape[2];
    const initialState = backend.upload({ data: Float64Array.from({ length: count }, random), shape });
    const options = { heads, initialState };
    const { output, finalState } = layer.forward(backend, tensors, { ...options, finalState: true });
    expect(output.shape).toEqual([sizes.batch, sizes.tokens, 4 * sizes.valueWidth]);
    expect(finalState!.shape).toEqual(shape);
    if (sizes.tokens === 0) expect(readView(finalState!)).toEqual(readView(initialState));
    const cotangents = { output, finalState: initialState };
    const gradients = layer.backward(backend, tensors, cotangents, options);
    for (const [name, t] of Object.entries(gradients)) {
      expect(t.shape, name).toEqual((tensors[name] ?? initialState).shape);
      expect(readView(t).every(Number.isFinite), name).toBe(true);
    }
    if (sizes.tokens === 0) expect(readView(gradients["initialState"]!)).toEqual(readView(initialState));
  });
});

test("Gated DeltaNet with grouped values: 252 tokens in two pieces, then 20 one by one", () => {
  const layer = named("gatedDeltaRule");
  const problem = {
    batch: 1,
    tokens: 272,
    heads: { query: 2, key: 2, value: 4 },
    keyWidth: 16,
    valueWidth: 24,
    normalizeKeys: { eps: 1e-6 },
  };
  const arrays = inputsOf(layer, problem, "typical", 9);
  const expected = layer.reference(problem, arrays);
  const backend = createJsBackend();
  const tensors = upload(backend, layer, problem, arrays, "f32");
  const state = backend.upload({ data: new Float32Array(1), shape: stateShape(problem), strides: [0, 0, 0] });
  const columns = 4 * 24;
  const output = new Float32Array(272 * columns);
  const bounds = [0, 100, 252, ...Array.from({ length: 20 }, (_, i) => 253 + i)];
  for (let n = 0; n + 1 < bounds.length; n++) {
    const [from, to] = [bounds[n]!, bounds[n + 1]!];
    const piece = Object.fromEntries(
      Object.entries(tensors).map(([name, t]) => {
        const cols = t.shape[2];
        return [name, backend.view(t, [1, to - from, cols], { ...t.layout, offset: from * cols })];
      }),
    );
    const { heads, normalizeKeys } = problem;
    const options = { heads, normalizeKeys, initialState: state, finalState: state };
    const result = layer.forward(backend, piece, options);
    output.set(readView(result.output), from * columns);
    result.output.dispose();
  }
  expect(errorOf(output, expected.output)).toBeLessThan(1e-6);
  expect(errorOf(readView(state), expected.finalState)).toBeLessThan(1e-6);
  // Only the five inputs and the state are left.
  expect(backend.memory().tensors).toBe(6);
});
