import { createJsBackend } from "@dlrt/backend-js";
import { unitRoundoff, type HostTensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { expect, test } from "vitest";
import { chunkSummary, composeSummaries, type ChunkSummary } from "../src/index.js";
import { errorOf, inputsOf, named, upload } from "./layers.js";
import { slice } from "./sequence-cut.js";

test("a product's error is within 16 ε of its terms, and sixteen pieces in f32 stay near float64", () => {
  const layer = named("gatedDeltaRule");
  const problem = {
    batch: 1,
    tokens: 1024,
    heads: { query: 1, key: 1, value: 1 },
    keyWidth: 64,
    valueWidth: 64,
  };
  const { heads } = problem;
  const normalizeKeys = { eps: 1e-6 };
  for (const decay of ["typical", -1e-4, 0] as const) {
    const backend = createJsBackend();
    const arrays = inputsOf(layer, problem, decay, 8);
    const made = (dtype: "f32" | "f64") => {
      const tensors = upload(backend, layer, problem, arrays, dtype);
      return Array.from({ length: 16 }, (_, at) => {
        const inputs = slice(backend, layer, problem, tensors, 64 * at, 64 * (at + 1));
        return chunkSummary(layer.forward, backend, inputs, { heads, normalizeKeys });
      });
    };
    const f32 = made("f32");
    for (const [first, second] of [
      [f32[0]!, f32[1]!],
      [f32[7]!, f32[8]!],
    ] as const) {
      const got = composeSummaries(backend, first, second);
      const [A, B, C] = [second.transition, first.state, second.state].map(readView) as Float32Array[];
      for (let i = 0; i < 64; i++)
        for (let j = 0; j < 64; j++) {
          let [sum, size] = [C![i * 64 + j]!, Math.abs(C![i * 64 + j]!)];
          for (let k = 0; k < 64; k++) {
            const term = A![i * 64 + k]! * B![k * 64 + j]!;
            sum += term;
            size += Math.abs(term);
          }
          const error = Math.abs(readView(got.state)[i * 64 + j]! - sum);
          if (error > 16 * unitRoundoff.f32 * size)
            expect(error / size / unitRoundoff.f32).toBeLessThanOrEqual(16);
        }
    }
    const reduce = (parts: readonly ChunkSummary<HostTensor>[]) =>
      parts.reduce((first, second) => composeSummaries(backend, first, second));
    const [got, expected] = [reduce(f32), reduce(made("f64"))];
    // Maps that shrink do not amplify what an earlier product has lost. The error is relative to the state, which does not shrink.
    expect(errorOf(readView(got.state), Float64Array.from(readView(expected.state)))).toBeLessThan(1e-6);
    const difference = readView(got.transition).map((x, i) =>
      Math.abs(x - readView(expected.transition)[i]!),
    );
    expect(Math.max(...difference)).toBeLessThan(1e-6);
  }
});

test.each([-1e-4, -0.02, -0.06])(
  "one piece of 1100 tokens, decay %d: A in f32 is that of float64, without subnormal numbers",
  (decay) => {
    const layer = named("gatedDeltaRule");
    const heads = { query: 1, key: 1, value: 1 };
    const problem = { batch: 1, tokens: 1100, heads, keyWidth: 16, valueWidth: 4 };
    const backend = createJsBackend();
    const arrays = inputsOf(layer, problem, decay, 8);
    const [f32, f64] = (["f32", "f64"] as const).map((dtype) => {
      const inputs = upload(backend, layer, problem, arrays, dtype);
      return readView(
        chunkSummary(layer.forward, backend, inputs, { heads, normalizeKeys: true }).transition,
      );
    });
    const tiny = f32!.filter((x) => x !== 0 && Math.abs(x) < 2 ** -126);
    if (decay === -0.06)
      expect(f64!.some((x) => Math.abs(x) < 2 ** -126 && Math.abs(x) > 2 ** -148)).toBe(true);
    expect(tiny.length).toBe(0);
    // The largest element of A is from 6e-11 to 2e-39 here. The limit is what the rounding to multiples of 2⁻⁶⁹ may change, and 1e-5 of it.
    const limit = 2 ** -67 + 1e-5 * Math.max(...f64!.map(Math.abs));
    f64!.forEach((x, at) => expect(Math.abs(f32![at]! - x)).toBeLessThan(limit));
  },
);
