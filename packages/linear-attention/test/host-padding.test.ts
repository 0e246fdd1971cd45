import { createJsBackend } from "@dlrt/backend-js";
import { ShapeError, ValueError } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import { applySummary, chunkSummary, chunkSummaryVjp, composeSummaries, type Padding } from "../src/index.js";
import { backOnHost, onHost } from "./host-layers.js";
import { all, errorOf, inputsOf, stateShape, upload, type Layer, isParameter } from "./layers.js";
import { paddedBatch, sides } from "./padded-batch.js";
import { numbers } from "./random.js";

const T = 9;
const lengths = Int32Array.of(6, 0, 9);
const B = lengths.length;
/** Grouped values, queries that share a state, and both, in the order in which head h shares with those of equal h mod H. */
const headCounts = [
  { query: 2, key: 2, value: 4, order: "modulo" },
  { query: 4, key: 2, value: 2, order: "modulo" },
  { query: 6, key: 1, value: 3, order: "modulo" },
] as const;
type Side = Padding["side"];

const { spoil: spoilWith } = paddedBatch(T, lengths);
const spoil = (data: Float64Array, side: Side): Float64Array => spoilWith(data, side, NaN);

/** Draws the inputs, the state and the cotangent of a padded batch, with NaN in all padded rows. */
function made(layer: Layer, heads: (typeof headCounts)[number], side: Side) {
  const problem = { batch: B, tokens: T, heads, keyWidth: 4, valueWidth: 3 };
  const [count, K, V] = stateShape(problem);
  const inputs = Object.entries(inputsOf(layer, problem, "typical", 5)).map(
    ([name, x]) => [name, isParameter(layer, name) ? x : spoil(x, side)] as const,
  );
  const outHeads = Math.max(heads.query, heads.key, heads.value);
  return {
    problem,
    inputs: Object.fromEntries(inputs),
    state: numbers(count * K * V, 6),
    bar: spoil(numbers(B * T * outHeads * V, 7), side),
    options: { heads, padding: { side, lengths } },
  };
}

describe.each(all)("$name", (layer) => {
  test.each(sides)(
    "/host: padded on the %s, heads in the order modulo, the bits of the tensors",
    async (side) => {
      for (const heads of headCounts) {
        const { problem, inputs, state, bar, options } = made(layer, heads, side);
        const backend = createJsBackend();
        const shape = [B, T] as const;
        const own = { ...options, initialState: state };
        const got = await onHost(layer)(backend, inputs, {
          ...{ ...own, shape },
          finalState: true,
        });
        const back = await backOnHost(layer)(
          backend,
          inputs,
          { output: bar, finalState: state },
          { ...own, shape },
        );
        expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
        const tensors = upload(backend, layer, problem, inputs, "f64");
        const initialState = backend.upload({ data: state, shape: stateShape(problem) });
        const right = layer.forward(backend, tensors, { ...options, initialState, finalState: true });
        expect(got.output).toEqual(readView(right.output));
        expect(got.finalState).toEqual(readView(right.finalState!));
        expect(got.output.some((x) => x !== 0) && got.output.every(Number.isFinite)).toBe(true);
        const output = backend.upload({ data: bar, shape: right.output.shape });
        const bars = { output, finalState: initialState };
        const gradients = layer.backward(backend, tensors, bars, { ...options, initialState });
        for (const [name, t] of Object.entries(gradients)) expect(back[name], name).toEqual(readView(t));
      }
    },
  );

  test.each(sides)("summaries: padded on the %s, heads in the order modulo", (side) => {
    for (const heads of headCounts) {
      const backend = createJsBackend();
      const { problem, inputs, state, bar, options } = made(layer, heads, side);
      const tensors = upload(backend, layer, problem, inputs, "f64");
      const [count, K, V] = stateShape(problem);
      const start = backend.upload({ data: state, shape: [count, K, V] });
      const summary = chunkSummary(layer.forward, backend, tensors, options);
      const { output, finalState } = layer.forward(backend, tensors, {
        ...options,
        ...{ initialState: start, finalState: true },
      });
      const end = Float64Array.from(readView(finalState!));
      expect(errorOf(readView(applySummary(backend, summary, start)), end)).toBeLessThan(2e-14);
      // The summary of a sequence without tokens is the identity.
      const size = (count / B) * K;
      const unit = readView(summary.transition).slice(size * K, 2 * size * K);
      expect(unit.every((x, at) => x === (Math.floor(at / K) % K === at % K ? 1 : 0))).toBe(true);
      // The same tokens are computed a second time, from the states in which they ended.
      const twice = composeSummaries(backend, summary, summary);
      const again = layer.forward(backend, tensors, {
        ...options,
        ...{ initialState: finalState!, finalState: true },
      });
      const last = Float64Array.from(readView(again.finalState!));
      expect(errorOf(readView(applySummary(backend, twice, start)), last)).toBeLessThan(4e-14);
      // The way back gives the cotangent of the first state.
      const cotangent = backend.upload({ data: bar, shape: output.shape });
      const stateBar = backend.upload({ data: numbers(count * K * V, 8), shape: [count, K, V] });
      const back = chunkSummaryVjp(layer.forward, backend, tensors, { output: cotangent, summary }, options);
      const bars = { output: cotangent, finalState: stateBar };
      const own = layer.backward(backend, tensors, bars, { ...options, initialState: start });
      const expected = Float64Array.from(readView(own["initialState"]!));
      expect(errorOf(readView(applySummary(backend, back, stateBar)), expected)).toBeLessThan(1e-12);
    }
  });
});

test("padding that does not fit is refused by name", async () => {
  const backend = createJsBackend();
  const layer = all[0]!;
  const { problem, inputs } = made(layer, headCounts[0], "left");
  const shape = [B, T] as const;
  const call = (padding: object, more: object = {}): Promise<unknown> =>
    onHost(layer)(backend, inputs, {
      ...{ heads: headCounts[0], shape, ...more },
      padding: padding as never,
    });
  await expect(call({ side: "left", lengths: Int32Array.of(1) })).rejects.toThrow(ShapeError);
  await expect(call({ side: "both", lengths })).rejects.toThrow(/^padding.side: expected "left" or "right"/);
  await expect(call({ side: "left", lengths }, { sequences: Int32Array.of(0, T) })).rejects.toThrow(
    ValueError,
  );
  expect(backend.memory().tensors).toBe(0);
  const tensors = upload(backend, layer, problem, inputs, "f32");
  const before = backend.memory();
  const summary = (padding: object) =>
    chunkSummary(layer.forward, backend, tensors, {
      heads: headCounts[0],
      padding: padding as never,
    });
  expect(() => summary({ side: "left", lengths: Int32Array.of(1, 2, T + 1) })).toThrow(
    /^padding.lengths: expected lengths from 0 to 9, got 10/,
  );
  expect(backend.memory()).toEqual(before);
});
