import { createJsBackend } from "@dlrt/backend-js";
import { expect, test } from "vitest";
import * as layers from "../src/index.js";
import { applySummary, chunkSummary, chunkSummaryVjp, composeSummaries } from "../src/index.js";

const backend = createJsBackend();
const f32 = (...shape: [number, number, number]) => backend.empty(shape);
const key = f32(1, 6, 8);
const inputs = { query: key, key, value: f32(1, 6, 6), beta: f32(1, 6, 2) };
const options = { heads: { query: 2 } };
const summary = { transition: f32(2, 4, 4), state: f32(2, 4, 3) };
const cases: readonly (readonly [() => unknown, RegExp])[] = [
  [
    () => chunkSummary((() => {}) as never, backend, inputs, options),
    /^layer: expected a layer of this package/,
  ],
  [
    () => chunkSummary(layers.deltaRule, backend, inputs, { ...options, finalState: true } as never),
    /^options: /,
  ],
  [
    () => chunkSummary(layers.deltaRule, backend, { ...inputs, beta: key }, options),
    /^beta: expected 1 × 6 × 2/,
  ],
  [
    () => chunkSummaryVjp(layers.deltaRule, backend, inputs, {} as never, options),
    /^cotangents.summary: expected/,
  ],
  [
    () => chunkSummaryVjp(layers.deltaRule, backend, inputs, { output: key, summary }, options),
    /^cotangents.output: expected 1 × 6 × 6/,
  ],
  [
    () =>
      chunkSummaryVjp(
        layers.deltaRule,
        backend,
        inputs,
        { summary: { transition: f32(2, 3, 3), state: f32(2, 3, 3) } },
        options,
      ),
    /^cotangents.summary.state: expected 2 × 4 × 3/,
  ],
  [() => composeSummaries(backend, undefined as never, summary), /^first: expected a summary/],
  [
    () => composeSummaries(backend, { ...summary, transition: f32(2, 3, 3) }, summary),
    /^first.transition: expected 2 × 4 × 4, got 2 × 3 × 3/,
  ],
  [
    () => composeSummaries(backend, summary, { transition: f32(2, 4, 4), state: f32(2, 4, 5) }),
    /^second.state: expected 2 × 4 × 3, got 2 × 4 × 5/,
  ],
  [
    () => composeSummaries(backend, summary, { ...summary, state: backend.empty([2, 4, 3], "f64") }),
    /^second.state: expected f32, got f64/,
  ],
  [() => applySummary(backend, summary, f32(2, 3, 4)), /^state: expected 2 × 4 × 3, got 2 × 3 × 4/],
  [() => applySummary(backend, summary, backend.empty([2, 4, 3], "f64")), /^state: expected f32/],
];
test.each(cases)("%s", (call, pattern) => {
  const { tensors } = backend.memory();
  expect(call).toThrow(pattern);
  expect(backend.memory().tensors).toBeLessThanOrEqual(tensors + 2); // a case may make two tensors of its own
});
