import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import type { Backend, HostTensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import { checkSpans } from "../src/engine/spans.js";
import type { Padding } from "../src/index.js";
import { all, errorOf, inputsOf, stateShape, typed, upload, type Layer, isParameter } from "./layers.js";
import { numbers } from "./random.js";
import { randomFrom } from "../../../tooling/random.mjs";
import { ifLong } from "./long.js";
import { paddedBatch, sides } from "./padded-batch.js";

const T = 9;
const lengths = Int32Array.of(5, 5, 0, 9, 1);
const base = { batch: lengths.length, tokens: T, keyWidth: 5, valueWidth: 3 };
const headCounts = [
  { query: 2, key: 2, value: 4 },
  { query: 4, key: 2, value: 2 },
  { query: 2, key: 2, value: 4, order: "modulo" },
] as const;
const limits = { f32: 1e-6, f64: 2e-14 } as const;
const dtypes = ["f32", "f64"] as const;
const backends = { js: async () => createJsBackend(), wasm: () => createWasmBackend({ threads: 1 }) };

const { startOf, spoil } = paddedBatch(T, lengths);

const rowsIn = (t: HostTensor): Float64Array => Float64Array.from(readView(t));

/** Returns the rows of sequence n that count, of an array [B, T·rows, columns]. */
function rowsOf(data: Float64Array, side: Padding["side"], n: number): Float64Array {
  const columns = data.length / (lengths.length * T);
  const start = (n * T + startOf(side, n)) * columns;
  return data.slice(start, start + lengths[n]! * columns);
}

function problemOf(heads: (typeof headCounts)[number]) {
  const problem = { ...base, heads };
  const [count, K, V] = stateShape(problem);
  return { ...problem, initialState: numbers(count * K * V, 3) };
}

/** Computes a layer on a padded batch, forward and back, with NaN in all padded rows. */
function padded(
  backend: Backend<HostTensor>,
  layer: Layer,
  problem: ReturnType<typeof problemOf>,
  side: Padding["side"],
  dtype: "f32" | "f64",
) {
  const { heads } = problem;
  const arrays = inputsOf(layer, problem, "mixed", 8);
  const spoiled = Object.fromEntries(
    Object.entries(arrays).map(([name, data]) => {
      return [name, isParameter(layer, name) ? data : spoil(data, side, NaN)];
    }),
  );
  const tensors = upload(backend, layer, problem, spoiled, dtype);
  const shape = stateShape(problem);
  const initialState = backend.upload({ data: typed(problem.initialState, dtype), shape });
  const options = { heads, initialState, padding: { side, lengths } };
  const { output, finalState } = layer.forward(backend, tensors, { ...options, finalState: true });
  const random = randomFrom(4);
  const bar = rowsIn(output).map(() => Math.fround(random()));
  const cotangents = {
    output: backend.upload({ data: typed(spoil(bar, side, NaN), dtype), shape: output.shape }),
    finalState: initialState,
  };
  const gradients = layer.backward(backend, tensors, cotangents, options);
  return { arrays, bar, output, finalState: finalState!, gradients };
}

describe.each(all)("$name", (layer) => {
  for (const [name, create] of Object.entries(backends))
    for (const side of sides)
      test(`${name}: rows padded on the ${side} play no part`, async () => {
        const backend = await create();
        // In the default run each dtype is on one side for each of the head counts.
        for (const [at, heads] of headCounts.entries())
          for (const dtype of ifLong(dtypes, [dtypes[(at + (side === "left" ? 0 : 1)) % 2]!])) {
            const problem = problemOf(heads);
            const got = padded(backend, layer, problem, side, dtype);
            expectResults(layer, problem, side, dtype, got);
            expectGradients(backend, layer, problem, side, dtype, got);
          }
        await backend.dispose();
      });
});

type Got = ReturnType<typeof padded>;

/** Compares the results with the recurrence of each sequence by itself. */
function expectResults(
  layer: Layer,
  problem: ReturnType<typeof problemOf>,
  side: Padding["side"],
  dtype: "f32" | "f64",
  { arrays, output, finalState }: Got,
): void {
  const size = problem.initialState.length / lengths.length;
  const [outputs, states] = [rowsIn(output), rowsIn(finalState)];
  lengths.forEach((tokens, n) => {
    const own = {
      ...problem,
      batch: 1,
      tokens,
      initialState: problem.initialState.slice(n * size, (n + 1) * size),
    };
    const expected = layer.reference(own, sequence(layer, arrays, side, n));
    const state = states.slice(n * size, (n + 1) * size);
    expect(errorOf(rowsOf(outputs, side, n), expected.output)).toBeLessThanOrEqual(limits[dtype]);
    expect(errorOf(state, expected.finalState)).toBeLessThanOrEqual(limits[dtype]);
    if (tokens === 0) expect(state).toEqual(own.initialState);
  });
  expect(spoil(outputs, side, 0)).toEqual(outputs);
}

/** Returns the rows of every input that belong to sequence n. */
const sequence = (layer: Layer, arrays: Got["arrays"], side: Padding["side"], n: number) =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, data]) => {
      return [name, isParameter(layer, name) ? data : rowsOf(data, side, n)];
    }),
  );

/** Expects the bits of the gradients of each sequence by itself. Those of parameters are sums over the sequences, and are near. */
function expectGradients(
  backend: Backend<HostTensor>,
  layer: Layer,
  problem: ReturnType<typeof problemOf>,
  side: Padding["side"],
  dtype: "f32" | "f64",
  { arrays, bar, gradients }: Got,
): void {
  const size = problem.initialState.length / lengths.length;
  const sums: Record<string, Float64Array> = {};
  lengths.forEach((tokens, n) => {
    const own = { ...problem, batch: 1, tokens };
    const tensors = upload(backend, layer, own, sequence(layer, arrays, side, n), dtype);
    const data = typed(problem.initialState.slice(n * size, (n + 1) * size), dtype);
    const initialState = backend.upload({ data, shape: stateShape(own) });
    const columns = bar.length / (lengths.length * T);
    const output = backend.upload({ data: typed(rowsOf(bar, side, n), dtype), shape: [1, tokens, columns] });
    const options = { heads: problem.heads, initialState };
    const alone = layer.backward(backend, tensors, { output, finalState: initialState }, options);
    for (const [name, t] of Object.entries(alone)) {
      const [mine, whole] = [rowsIn(t), rowsIn(gradients[name]!)];
      if (isParameter(layer, name)) sums[name] = mine.map((x, at) => x + (sums[name]?.[at] ?? 0));
      else {
        const same = name === "initialState" ? whole.slice(n * size, (n + 1) * size) : rowsOf(whole, side, n);
        expect(same, name).toEqual(mine);
      }
    }
  });
  for (const [name, t] of Object.entries(gradients)) {
    const whole = rowsIn(t);
    if (sums[name]) expect(errorOf(whole, sums[name]), name).toBeLessThanOrEqual(4 * limits[dtype]);
    else if (name !== "initialState") expect(spoil(whole, side, 0), name).toEqual(whole);
  }
}

test("neighbours of one length are one span, and a full batch is one call", () => {
  const spans = (side: Padding["side"], ...own: number[]) =>
    checkSpans({ padding: { side, lengths: Int32Array.from(own) } }, own.length, 7);
  const right = { batch: 2, sequence: 0, start: 0, rows: 4, state: 0 };
  const last = { batch: 1, sequence: 2, rows: 2, state: 2 };
  expect(spans("right", 7, 7, 7)).toEqual([{ ...right, batch: 3, rows: 7 }]);
  expect(spans("right", 4, 4, 2)).toEqual([right, { ...last, start: 0 }]);
  expect(spans("left", 4, 4, 2)).toEqual([
    { ...right, start: 3 },
    { ...last, start: 5 },
  ]);
});
