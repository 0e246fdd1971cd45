import { createJsBackend } from "@dlrt/backend-js";
import type { FloatArray, HostTensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { expect, test } from "vitest";
import { deltaFormerVjp } from "../src/index.js";
import * as reference from "../src/reference/index.js";
import type { DeltaFormerProblem } from "../src/reference/index.js";
import { base, inputsOf, names, outHeadsOf, upload, type Arrays } from "./delta-former.js";
import { expectDerivatives } from "./differences.js";
import { errorOf, typed } from "./layers.js";
import { numbers } from "./random.js";
import { randomFrom } from "../../../tooling/random.mjs";

/** Computes the gradients of every input that is given, from the cotangent `bar` of the output. */
const gradients = (
  problem: DeltaFormerProblem,
  arrays: Partial<Arrays>,
  bar: Float64Array,
  dtype: "f32" | "f64",
) => {
  const backend = createJsBackend();
  const inputs = upload(backend, problem, arrays, dtype);
  const { batch, tokens, keyWidth: _, valueWidth, ...options } = problem;
  const shape = [batch, tokens, outHeadsOf(problem) * valueWidth] as const;
  const output = backend.upload({ data: typed(bar, dtype), shape });
  const before = backend.memory().tensors;
  const got = deltaFormerVjp(backend, inputs, { output }, options);
  expect(Object.keys(got).sort()).toEqual(Object.keys(arrays).sort());
  expect(backend.memory().tensors - before).toBe(Object.keys(arrays).length);
  return Object.fromEntries(
    Object.entries(got).map(([name, t]) => [name, readView(t as HostTensor)]),
  ) as Record<string, FloatArray>;
};

const STEP = 2 ** -15;
const exp = { kernel: "exp", scale: 0.1 } as const;

test.each<[string, Partial<DeltaFormerProblem>, number, readonly (keyof Arrays)[]]>([
  ["9 tokens, every element", { tokens: 9 }, Infinity, names],
  ["the exponential kernel", { tokens: 9, ...exp }, Infinity, names],
  ["65 tokens, two blocks", { tokens: 65 }, 6, names],
  ["65 tokens, the exponential kernel", { tokens: 65, kernel: "exp", scale: -0.1 }, 6, names],
  ["grouped queries", { tokens: 9, heads: { query: 4, key: 2, value: 2 } }, 24, names],
  ["fewer queries and keys", { tokens: 9, heads: { query: 1, key: 2, value: 4 } }, 24, names],
  ["w is the query, no β", { tokens: 9 }, Infinity, ["query", "key", "value"]],
  ["packed sequences", { batch: 1, tokens: 70, sequences: Int32Array.of(0, 3, 3, 70) }, 6, names],
])("%s, against central differences", (_, own, count, given) => {
  const problem = { ...base, ...own };
  const all = inputsOf(problem, 8);
  if (problem.tokens > 9 && problem.kernel === "exp") all.beta = all.beta.map((x) => Math.fround(x / 32));
  const arrays: Arrays = Object.fromEntries(given.map((name) => [name, all[name]])) as Arrays;
  const size = problem.batch * problem.tokens * outHeadsOf(problem) * problem.valueWidth;
  const bar = numbers(size, 80);
  const loss = (moved: Arrays) =>
    reference.deltaFormer(problem, moved).reduce((sum, value, i) => sum + value * bar[i]!, 0);
  const f64 = gradients(problem, arrays, bar, "f64");
  const f32 = gradients(problem, arrays, bar, "f32");
  for (const name of given) {
    const own = { f64: f64[name]!, f32: f32[name]! };
    const moved = (to: Float64Array) => loss({ ...arrays, [name]: to });
    expectDerivatives(name, arrays[name], { count, step: STEP }, moved, own);
  }
});

test("scores up to 1000 give finite gradients, and those of float64 in f32", () => {
  const problem = { ...base, tokens: 70, scale: 1 };
  const arrays = inputsOf(problem, 9);
  const random = randomFrom(90);
  for (const name of ["query", "key", "erase"] as const)
    arrays[name] = arrays[name].map(() => Math.round(14 * random()));
  const bar = Float64Array.from({ length: 2 * 70 * 6 }, () => Math.fround(random()));
  const [f32, f64] = [gradients(problem, arrays, bar, "f32"), gradients(problem, arrays, bar, "f64")];
  for (const name of names) {
    expect(f64[name]!.every(Number.isFinite), name).toBe(true);
    expect(errorOf(f32[name]!, Float64Array.from(f64[name]!)), name).toBeLessThan(4e-6);
  }
});
