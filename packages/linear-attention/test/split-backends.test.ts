import type { FloatArray } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import * as host from "../src/host.js";
import { applySummary, chunkSummary, gatedDeltaRule, kimiDeltaAttention, dplr, gla } from "../src/index.js";
import type { LayerFunction } from "../src/index.js";
import * as reference from "../src/reference/index.js";
import { backends, put, take } from "./backends.js";
import { errorOf, inputsOf, named, typed } from "./layers.js";
import { numbers } from "./random.js";

const limits = { f32: 2e-6, f64: 1e-13 } as const;
const heads = { query: 4, key: 2, value: 2 };
const sizes = { batch: 2, tokens: 70, heads, keyWidth: 20, valueWidth: 12 };
describe.each(backends)("$name", ({ name, create, dtypes }) => {
  const arrays = {
    query: numbers(2 * 70 * 80, 1),
    key: numbers(2 * 70 * 40, 2),
    value: numbers(2 * 70 * 24, 3),
    beta: numbers(2 * 70 * 2, 4).map(Math.abs),
  };
  const own = (dtype: "f32" | "f64") =>
    Object.fromEntries(Object.entries(arrays).map(([key, x]) => [key, typed(x, dtype)])) as Record<
      keyof typeof arrays,
      FloatArray
    >;
  const shape = [2, 70] as const;

  test.skipIf(name === "device").each(dtypes)("DeltaFormer in %s", async (dtype) => {
    const backend = await create();
    const { output } = await host.deltaFormer(backend, own(dtype), { heads, shape });
    expect(errorOf(output, reference.deltaFormer(sizes, arrays))).toBeLessThan(limits[dtype]);
    const back = await host.deltaFormerVjp(backend, own(dtype), { output }, { heads, shape });
    expect(back.beta!.every(Number.isFinite)).toBe(true);
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test.each(dtypes)("PaTH in %s", async (dtype) => {
    const backend = await create();
    const { value: _, ...three } = arrays;
    const norm = (x: Float64Array) =>
      x.map((v, at) => v / Math.hypot(...x.subarray(at - (at % 20), at - (at % 20) + 20)));
    const erase = Float64Array.from(norm(numbers(2 * 70 * 40, 5)), Math.fround);
    const two = { query: 4, key: 2 };
    const { value: __, ...inputs } = own(dtype);
    const got = await host.pathLogits(
      backend,
      { ...inputs, erase: typed(erase, dtype) },
      { heads: two, shape },
    );
    const expected = reference.pathLogits({ ...sizes, heads: two }, { ...three, erase });
    expect(errorOf(got, expected)).toBeLessThan(limits[dtype]);
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test.each([
    ["gatedDeltaRule", gatedDeltaRule],
    ["kimiDeltaAttention", kimiDeltaAttention],
    ["dplr", dplr],
    ["gla", gla],
  ] as const)("a summary of %s, 600 tokens", async (layerName, layer) => {
    const problem = { ...sizes, tokens: 600 };
    const given = inputsOf(named(layerName), problem, -0.01, 6);
    const count = 4 * 20 * 12;
    const initialState = numbers(count, 7);
    const expected = named(layerName).reference({ ...problem, initialState }, given).finalState;
    for (const dtype of dtypes) {
      const backend = await create();
      const inputs = Object.fromEntries(
        Object.entries(given).map(([key, x]) => [key, put(backend, x, [2, 600, x.length / 1200], dtype)]),
      );
      const general = layer as unknown as LayerFunction<object, never>;
      const summary = chunkSummary(general, backend as never, inputs, { heads });
      const start = put(backend, initialState, [4, 20, 12], dtype);
      const end = applySummary(backend, summary, start as never);
      const { end: got } = await take(backend, { ...inputs, ...summary, start, end });
      expect(errorOf(got!, expected), dtype).toBeLessThan(limits[dtype]);
      expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
    }
  });
});
