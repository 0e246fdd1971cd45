import { createJsBackend } from "@dlrt/backend-js";
import type { Backend, HostTensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import * as layers from "../src/index.js";
import { applySummary, chunkSummary, chunkSummaryVjp, composeSummaries } from "../src/index.js";
import type { ChunkSummary, SummaryOptions } from "../src/index.js";
import type { ReferenceProblem } from "../src/reference/index.js";
import { all, errorOf, inputsOf, stateShape, typed, upload, isParameter } from "./layers.js";
import { numbers } from "./random.js";
import { randomFrom } from "../../../tooling/random.mjs";
import { exactInputs, slice } from "./sequence-cut.js";
import type { Decay, Layer } from "./layers.js";

type Tensors = Record<string, HostTensor>;

const base = { batch: 2, heads: { query: 4, key: 2, value: 4 }, keyWidth: 5, valueWidth: 3 };
const problemOf = (tokens: number, own: Partial<ReferenceProblem> = {}): ReferenceProblem => {
  const problem = { ...base, tokens, ...own };
  const [count, K, V] = stateShape(problem);
  return { ...problem, initialState: numbers(count * K * V, tokens + 3) };
};

const limits = { f32: 1e-6, f64: 2e-14 } as const;
const cuts = [0, 1, 17, 17, 33];

/** Makes the summaries of the pieces between the cuts. With each come the inputs of its piece. */
function summaries(
  backend: Backend<HostTensor>,
  layer: Layer,
  problem: ReferenceProblem,
  tensors: Tensors,
  options: SummaryOptions<HostTensor>,
): { inputs: Tensors; summary: ChunkSummary<HostTensor> }[] {
  return cuts.slice(1).map((to, at) => {
    const inputs = slice(backend, layer, problem, tensors, cuts[at]!, to);
    return { inputs, summary: chunkSummary(layer.forward, backend, inputs, options) };
  });
}

describe.each(all)("$name", (layer) => {
  const cases = [
    [{ query: 4, key: 2, value: 4 }, "typical"],
    [{ query: 2, key: 2, value: 2 }, "mixed"],
    [{ query: 4, key: 4, value: 2 }, -3],
    [{ query: 6, key: 1, value: 3 }, 0],
  ] as const satisfies readonly (readonly [object, Decay])[];

  test.each(cases)("heads %j, decay %s: composed pieces are the whole", (heads, decay) => {
    for (const dtype of ["f32", "f64"] as const) {
      const problem = problemOf(33, { heads });
      const backend = createJsBackend();
      const arrays = inputsOf(layer, problem, decay, 61);
      const tensors = upload(backend, layer, problem, arrays, dtype);
      const shape = stateShape(problem);
      const start = backend.upload({ data: typed(problem.initialState!, dtype), shape });
      const before = backend.memory();
      const parts = summaries(backend, layer, problem, tensors, { heads }).map(({ summary }) => summary);
      expect(backend.memory().tensors - before.tensors).toBe(2 * parts.length);
      const [a, b, c, d] = parts as [
        (typeof parts)[0],
        (typeof parts)[0],
        (typeof parts)[0],
        (typeof parts)[0],
      ];
      const left = composeSummaries(
        backend,
        composeSummaries(backend, a, b),
        composeSummaries(backend, c, d),
      );
      const got = [
        applySummary(backend, left, start),
        parts.reduce((state, summary) => applySummary(backend, summary, state), start),
      ];
      const expected = layer.reference(problem, arrays).finalState;
      for (const state of got) {
        expect(state.shape).toEqual(shape);
        expect(errorOf(readView(state), expected), dtype).toBeLessThanOrEqual(limits[dtype]);
      }
    }
  });

  test("the way back: the cotangent of the first state, and a gradient of every piece", () => {
    const problem = problemOf(33);
    const { heads } = problem;
    const backend = createJsBackend();
    const tensors = upload(backend, layer, problem, inputsOf(layer, problem, "mixed", 62), "f64");
    const shape = stateShape(problem);
    const random = randomFrom(9);
    const state = () =>
      backend.upload({ data: Float64Array.from({ length: shape[0] * shape[1] * shape[2] }, random), shape });
    const [initialState, last] = [state(), state()];
    const columns = 4 * problem.valueWidth;
    const bar = Float64Array.from({ length: 2 * 33 * columns }, random);
    const output = backend.upload({ data: bar, shape: [2, 33, columns] });
    const whole = layer.backward(backend, tensors, { output, finalState: last }, { heads, initialState });
    const { initialState: firstCotangent, ...rowGradients } = whole;

    const parts = summaries(backend, layer, problem, tensors, { heads });
    const bars = cuts.slice(1).map((to, at) => {
      const layout = { ...output.layout, offset: cuts[at]! * columns };
      return backend.view(output, [2, to - cuts[at]!, columns], to === cuts[at]! ? output.layout : layout);
    });
    const before = backend.memory().tensors;
    const backs = parts.map(({ inputs, summary }, at) =>
      chunkSummaryVjp(layer.forward, backend, inputs, { output: bars[at]!, summary }, { heads }),
    );
    expect(backend.memory().tensors - before).toBe(2 * parts.length);
    const backwards = [...backs].reverse();
    const starts = [initialState];
    for (const { summary } of parts) starts.push(applySummary(backend, summary, starts.at(-1)!));
    const ends = [last];
    for (const back of backwards) ends.unshift(applySummary(backend, back, ends[0]!));
    const tolerance = 1e-12;
    expect(errorOf(readView(ends[0]!), Float64Array.from(readView(firstCotangent!)))).toBeLessThan(tolerance);
    const composed = backwards.reduce((first, second) => composeSummaries(backend, first, second));
    const composedEnd = applySummary(backend, composed, last);
    expect(errorOf(readView(composedEnd), Float64Array.from(readView(ends[0]!)))).toBeLessThan(tolerance);

    for (const [at, { inputs }] of parts.entries()) {
      const cotangents = { output: bars[at]!, finalState: ends[at + 1]! };
      const own = layer.backward(backend, inputs, cotangents, { heads, initialState: starts[at]! });
      const expected = slice(backend, layer, problem, rowGradients, cuts[at]!, cuts[at + 1]!);
      for (const name of Object.keys(layer.inputs)) {
        if (isParameter(layer, name)) continue; // the gradient of a parameter is the sum over all pieces
        const scale = Math.max(...readView(whole[name]!).map(Math.abs));
        const difference = Math.max(
          0,
          ...readView(own[name]!).map((x, i) => Math.abs(x - readView(expected[name]!)[i]!)),
        );
        expect(difference / scale, name).toBeLessThan(tolerance);
      }
    }
  });

  test("packed sequences and normalised keys", () => {
    const sequences = Int32Array.of(0, 5, 5, 20);
    const normalizeKeys = { eps: 1e-6 };
    const problem = problemOf(20, { batch: 1, sequences, normalizeKeys });
    const { heads } = problem;
    const backend = createJsBackend();
    const arrays = inputsOf(layer, problem, "typical", 63);
    const tensors = upload(backend, layer, problem, arrays, "f64");
    const start = backend.upload({ data: problem.initialState!, shape: stateShape(problem) });
    const options = { heads, sequences, normalizeKeys };
    const summary = chunkSummary(layer.forward, backend, tensors, options);
    const end = applySummary(backend, summary, start);
    expect(errorOf(readView(end), layer.reference(problem, arrays).finalState)).toBeLessThan(2e-14);
    const output = layer.forward(backend, tensors, { heads, sequences, normalizeKeys }).output;
    const back = chunkSummaryVjp(layer.forward, backend, tensors, { output, summary }, options);
    const cotangents = { output, finalState: start };
    const whole = layer.backward(backend, tensors, cotangents, { ...options, initialState: start });
    const got = applySummary(backend, back, start);
    expect(errorOf(readView(got), Float64Array.from(readView(whole["initialState"]!)))).toBeLessThan(1e-12);
  });
});

describe.each(all.filter(({ name }) => name !== "retention" && name !== "ssd"))(
  "exact class: $name",
  (layer) => {
    test("bitwise in f32", () => {
      const whole = problemOf(33, { scale: 0.5 });
      const problem = { ...whole, initialState: whole.initialState!.map((x) => Math.round(3 * x)) };
      const backend = createJsBackend();
      const arrays = exactInputs(layer, problem, 5);
      const tensors = upload(backend, layer, problem, arrays, "f32");
      const { heads } = problem;
      const parts = summaries(backend, layer, problem, tensors, { heads }).map(({ summary }) => summary);
      const shape = stateShape(problem);
      const start = backend.upload({ data: typed(problem.initialState, "f32"), shape });
      const summary = parts.reduce((first, second) => composeSummaries(backend, first, second));
      const end = readView(applySummary(backend, summary, start));
      const expected = layer.reference(problem, arrays).finalState;
      expect(expected.some((x) => x !== 0)).toBe(true);
      expect(errorOf(end, expected)).toBe(0);
    });
  },
);

test("a function that hands its options on to a layer has that layer's summary", () => {
  const backend = createJsBackend();
  const made = (cols: number, seed: number) =>
    backend.upload({
      data: Float64Array.from({ length: 9 * cols }, (_, i) => Math.sin(seed * (i + 1))),
      shape: [1, 9, cols],
    });
  const inputs = { query: made(3, 1), key: made(3, 2), value: made(2, 3), beta: made(1, 4) };
  const options = { heads: { query: 1 } };
  const own = chunkSummary(layers.deltaRule<HostTensor>, backend, inputs, options);
  const wrapped: typeof layers.deltaRule<HostTensor> = (...of) => layers.deltaRule(...of);
  const same = chunkSummary(wrapped, backend, inputs, options);
  expect(same.transition.data).toEqual(own.transition.data);
  expect(same.state.data).toEqual(own.state.data);
});
