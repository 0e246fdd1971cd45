import { createJsBackend } from "@dlrt/backend-js";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import type { ReferenceProblem } from "../src/reference/index.js";
import { expectDerivatives } from "./differences.js";
import { all, inputsOf, stateShape, typed, upload, type Arrays, type Decay, type Layer } from "./layers.js";
import { numbers } from "./random.js";
import { ifLong } from "./long.js";

/** Draws the cotangents of a layer's results. */
function cotangentsOf(layer: Layer, problem: ReferenceProblem, arrays: Arrays) {
  const { output, finalState } = layer.reference(problem, arrays);
  return { output: numbers(output.length, 11), finalState: numbers(finalState.length, 12) };
}

function gradientsOf(layer: Layer, problem: ReferenceProblem, arrays: Arrays, dtype: "f32" | "f64") {
  const backend = createJsBackend();
  const tensors = upload(backend, layer, problem, arrays, dtype);
  const shape = stateShape(problem);
  const state = (data: Float64Array) => backend.upload({ data: typed(data, dtype), shape });
  const cotangents = cotangentsOf(layer, problem, arrays);
  const { batch, tokens } = problem;
  const output = backend.upload({
    data: typed(cotangents.output, dtype),
    shape: [batch, tokens, cotangents.output.length / (batch * tokens)],
  });
  const finalState = state(cotangents.finalState);
  const initialState = problem.initialState && state(problem.initialState);
  const before = backend.memory();
  const options = {
    heads: problem.heads,
    initialState,
    normalizeKeys: problem.normalizeKeys,
    sequences: problem.sequences,
  };
  const gradients = layer.backward(backend, tensors, { output, finalState }, options);
  const names = [...Object.keys(layer.inputs), ...(initialState ? ["initialState"] : [])];
  expect(Object.keys(gradients).sort()).toEqual(names.sort());
  expect(backend.memory().tensors - before.tensors).toBe(names.length);
  const read = Object.fromEntries(
    Object.entries(gradients).map(([name, t]) => [name, Float64Array.from(readView(t))]),
  );
  for (const t of Object.values(gradients)) t.dispose();
  expect(backend.memory()).toEqual(before);
  return read;
}

/** Computes the loss whose gradients are tested, in float64: the sum of output and final state, each times its cotangent. */
function lossOf(
  layer: Layer,
  problem: ReferenceProblem,
  arrays: Arrays,
  cotangents: ReturnType<typeof cotangentsOf>,
) {
  const { output, finalState } = layer.reference(problem, arrays);
  const dot = (x: Float64Array, y: Float64Array) => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
    return sum;
  };
  return dot(output, cotangents.output) + dot(finalState, cotangents.finalState);
}

const STEP = 2 ** -17;

function expectGradients(layer: Layer, own: Partial<ReferenceProblem>, decay: Decay, count: number): void {
  const problem = {
    batch: 1,
    tokens: 9,
    heads: { query: 2, key: 2, value: 2 },
    keyWidth: 5,
    valueWidth: 3,
    ...own,
  };
  const [states, K, V] = stateShape(problem);
  const whole = { ...problem, initialState: numbers(states * K * V, 13) };
  const arrays = inputsOf(layer, whole, decay, 21);
  const f64 = gradientsOf(layer, whole, arrays, "f64");
  const f32 = gradientsOf(layer, whole, arrays, "f32");
  const cotangents = cotangentsOf(layer, whole, arrays);
  for (const name of [...Object.keys(layer.inputs), "initialState"]) {
    const state = name === "initialState";
    const loss = (moved: Float64Array): number =>
      state
        ? lossOf(layer, { ...whole, initialState: moved }, arrays, cotangents)
        : lossOf(layer, whole, { ...arrays, [name]: moved }, cotangents);
    const got = { f64: f64[name]!, f32: f32[name]! };
    expectDerivatives(name, state ? whole.initialState : arrays[name]!, { count, step: STEP }, loss, got);
  }
}

describe.each(all)("$name", (layer) => {
  test("9 tokens, every element of every gradient", () => expectGradients(layer, {}, "typical", Infinity));

  test("65 tokens, K = 24, V = 40", () =>
    expectGradients(layer, { tokens: 65, keyWidth: 24, valueWidth: 40 }, "typical", 4));

  test("33 tokens", () => expectGradients(layer, { tokens: 33 }, "typical", 24));

  test("strong decay, −3 a token", () => expectGradients(layer, { tokens: 17 }, -3, 24));

  // Some tokens are reset, or decay by e^−100, and forget everything. There the gradient of the decay is 0, and so are the differences.
  test("mixed decay", () => expectGradients(layer, { tokens: 17 }, "mixed", ifLong(Infinity, 24)));

  test.each([
    { query: 4, key: 2, value: 2 },
    { query: 1, key: 2, value: 4 },
    { query: 6, key: 1, value: 3 },
    { query: 2, key: 2, value: 4, order: "modulo" },
    { query: 4, key: 2, value: 2, order: "modulo" },
    { query: 2, key: 4, value: 4, order: "modulo" },
    { query: 6, key: 1, value: 3, order: "modulo" },
  ] as const)("heads %j", (heads) => expectGradients(layer, { batch: 2, heads }, "typical", ifLong(24, 8)));

  test("normalised keys and packed sequences", () => {
    const sequences = Int32Array.of(0, 3, 3, 4, 9);
    expectGradients(layer, { sequences, normalizeKeys: { eps: 1e-3 } }, "typical", 24);
  });
});
