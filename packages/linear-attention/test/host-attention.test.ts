import { createJsBackend } from "@dlrt/backend-js";
import type { FloatArray } from "@dlrt/core";
import { expect, test } from "vitest";
import * as host from "../src/host.js";
import * as reference from "../src/reference/index.js";
import { numbers } from "./random.js";

test("DeltaFormer and the logits of PaTH", async () => {
  const backend = createJsBackend();
  const sizes = { batch: 1, tokens: 20, keyWidth: 4, valueWidth: 3, heads: { query: 2, key: 1, value: 1 } };
  const shape = [1, 20] as const;
  const query = numbers(20 * 8, 1);
  const [key, erase] = [numbers(20 * 4, 2), numbers(20 * 4, 3)];
  const [value, beta] = [numbers(20 * 3, 4), numbers(20, 5).map(Math.abs)];
  const near = (got: FloatArray, expected: Float64Array) => {
    expect(got.length).toBe(expected.length);
    got.forEach((x, at) => expect(Math.abs(x - expected[at]!)).toBeLessThan(1e-13));
  };
  const { output } = await host.deltaFormer(
    backend,
    { query, key, value, beta },
    { heads: sizes.heads, shape },
  );
  near(output, reference.deltaFormer(sizes, { query, key, value, beta }));
  const two = { query: 2, key: 1 };
  const logits = await host.pathLogits(backend, { query, key, erase, beta }, { heads: two, shape });
  near(logits, reference.pathLogits({ ...sizes, heads: two }, { query, key, erase, beta }));
  const former = await host.deltaFormerVjp(
    backend,
    { query, key, value },
    { output },
    { heads: sizes.heads, shape },
  );
  expect(Object.entries(former).map(([name, { length }]) => [name, length])).toEqual([
    ["query", 160],
    ["key", 80],
    ["value", 60],
  ]);
  const path = await host.pathLogitsVjp(backend, { query, key, erase, beta }, logits, { heads: two, shape });
  expect(path.beta.length).toBe(20);
  expect(backend.memory().tensors).toBe(0);
});
