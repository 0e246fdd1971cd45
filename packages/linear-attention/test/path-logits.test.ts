import { createJsBackend } from "@dlrt/backend-js";
import type { Backend, FloatArray, HostTensor, Tensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import { pathLogits, pathLogitsVjp, type PathLogitsInputs } from "../src/index.js";
import * as reference from "../src/reference/index.js";
import { createDeviceBackend } from "./device-backend.js";
import { expectDerivatives } from "./differences.js";
import { errorOf, typed } from "./layers.js";
import { numbers } from "./random.js";
import { randomFrom } from "../../../tooling/random.mjs";

interface Problem {
  readonly batch: number;
  readonly tokens: number;
  readonly keyWidth: number;
  readonly heads: { readonly query: number; readonly key: number };
  readonly scale?: number;
}

const base: Problem = { batch: 2, tokens: 33, keyWidth: 5, heads: { query: 2, key: 2 } };
const names = ["query", "key", "erase", "beta"] as const;
type Arrays = Record<(typeof names)[number], Float64Array>;

/** Draws inputs as PaTH has them: erase keys of length 1, and β from 0 to 2. The numbers are float32. */
function inputsOf({ batch, tokens, keyWidth, heads }: Problem, seed: number): Arrays {
  const random = randomFrom(seed);
  const fill = (size: number, next: () => number) =>
    Float64Array.from({ length: size }, () => Math.fround(next()));
  const erase = fill(batch * tokens * heads.key * keyWidth, random);
  for (let at = 0; at < erase.length; at += keyWidth) {
    const norm = Math.hypot(...erase.subarray(at, at + keyWidth));
    for (let i = at; i < at + keyWidth; i++) erase[i] = Math.fround(erase[i]! / norm);
  }
  return {
    query: fill(batch * tokens * heads.query * keyWidth, random),
    key: fill(batch * tokens * heads.key * keyWidth, random),
    erase,
    beta: fill(batch * tokens * heads.key, () => random() + 1),
  };
}

function upload<T extends Tensor>(
  backend: Backend<T>,
  problem: Problem,
  arrays: Arrays,
  dtype: "f32" | "f64",
) {
  const { batch, tokens } = problem;
  const entries = names.map((name) => {
    const data = typed(arrays[name], dtype);
    const cols = batch * tokens === 0 ? 0 : data.length / (batch * tokens);
    return [name, backend.upload({ data, shape: [batch, tokens, cols] })];
  });
  return Object.fromEntries(entries) as PathLogitsInputs<T>;
}

const limits = { f32: 2e-6, f64: 4e-15 } as const;

describe("forward", () => {
  test.each([1, 15, 16, 17, 33, 64, 65, 129])("%d tokens", (tokens) => {
    for (const dtype of ["f32", "f64"] as const) {
      const problem = { ...base, tokens };
      const backend = createJsBackend();
      const arrays = inputsOf(problem, tokens);
      const inputs = upload(backend, problem, arrays, dtype);
      const before = backend.memory().tensors;
      const got = pathLogits(backend, inputs, { heads: problem.heads });
      expect(backend.memory().tensors - before).toBe(1);
      expect(got.shape).toEqual([4, tokens, tokens]);
      expect(errorOf(readView(got), reference.pathLogits(problem, arrays))).toBeLessThan(limits[dtype]);
    }
  });

  test.each([
    { query: 4, key: 2 },
    { query: 3, key: 1 },
    { query: 1, key: 2 },
  ])("heads %j, a scale", (heads) => {
    const problem = { ...base, heads, scale: 1.5 };
    const backend = createJsBackend();
    const arrays = inputsOf(problem, 4);
    const got = pathLogits(backend, upload(backend, problem, arrays, "f64"), { heads, scale: 1.5 });
    expect(errorOf(readView(got), reference.pathLogits(problem, arrays))).toBeLessThan(limits.f64);
  });

  test("K = 24, one β for all heads, no token", () => {
    const backend = createJsBackend();
    const problem = { ...base, keyWidth: 24, tokens: 65 };
    const arrays = inputsOf(problem, 5);
    const shared = arrays.beta.map((_, at) => arrays.beta[at - (at % 2)]!);
    const one = Float64Array.from({ length: shared.length / 2 }, (_, at) => shared[2 * at]!);
    const inputs = { ...upload(backend, problem, { ...arrays, beta: one }, "f64") };
    const got = pathLogits(backend, inputs, { heads: problem.heads });
    expect(errorOf(readView(got), reference.pathLogits(problem, { ...arrays, beta: shared }))).toBeLessThan(
      limits.f64,
    );
    const none = backend.empty([2, 0, 10]);
    const empty = { query: none, key: none, erase: none, beta: backend.empty([2, 0, 2]) };
    expect(pathLogits(backend, empty, { heads: problem.heads }).shape).toEqual([4, 0, 0]);
    const back = pathLogitsVjp(backend, empty, backend.empty([4, 0, 0]), { heads: problem.heads });
    expect(back.query.shape).toEqual([2, 0, 10]);
  });

  test("exact: unit erase keys and small integers give the same bits", () => {
    const problem = { ...base, scale: 1, keyWidth: 4 };
    const random = randomFrom(8);
    const pick = (...of: number[]) => of[Math.floor(((random() + 1) / 2) * of.length) % of.length]!;
    const arrays = inputsOf(problem, 6);
    arrays.erase.fill(0);
    for (let at = 0; at < arrays.erase.length; at += 4) arrays.erase[at + pick(0, 1, 2, 3)] = pick(-1, 1);
    for (const name of ["query", "key", "beta"] as const)
      arrays[name] = arrays[name].map(() => (name === "beta" ? pick(0, 1, 2) : pick(-2, -1, 0, 1, 2)));
    const backend = createJsBackend();
    const got = pathLogits(backend, upload(backend, problem, arrays, "f32"), {
      heads: problem.heads,
      scale: 1,
    });
    expect(errorOf(readView(got), reference.pathLogits(problem, arrays))).toBe(0);
  });
});

describe("backward", () => {
  const gradients = (problem: Problem, arrays: Arrays, bar: Float64Array, dtype: "f32" | "f64") => {
    const backend = createJsBackend();
    const inputs = upload(backend, problem, arrays, dtype);
    const count = problem.batch * Math.max(problem.heads.query, problem.heads.key);
    const cotangent = backend.upload({
      data: typed(bar, dtype),
      shape: [count, problem.tokens, problem.tokens],
    });
    const before = backend.memory().tensors;
    const got = pathLogitsVjp(backend, inputs, cotangent, { heads: problem.heads, scale: problem.scale });
    expect(backend.memory().tensors - before).toBe(4);
    return Object.fromEntries(names.map((name) => [name, readView(got[name])])) as Record<string, FloatArray>;
  };

  const STEP = 2 ** -15;

  test.each([
    [base.heads, 9, Infinity],
    [{ query: 4, key: 2 }, 9, 24],
    [{ query: 1, key: 2 }, 17, 24],
    [base.heads, 65, 12],
  ])("heads %j, %d tokens, against central differences", (heads, tokens, count) => {
    const problem = { ...base, heads, tokens };
    const arrays = inputsOf(problem, 7);
    const size = 2 * Math.max(heads.query, heads.key) * tokens * tokens;
    const bar = numbers(size, 70);
    const loss = (moved: Arrays) =>
      reference.pathLogits(problem, moved).reduce((sum, value, i) => sum + value * bar[i]!, 0);
    const f64 = gradients(problem, arrays, bar, "f64");
    const f32 = gradients(problem, arrays, bar, "f32");
    for (const name of names) {
      const own = { f64: f64[name]!, f32: f32[name]! };
      const moved = (to: Float64Array) => loss({ ...arrays, [name]: to });
      expectDerivatives(name, arrays[name], { count, step: STEP }, moved, own);
    }
  });
});

describe("any backend", () => {
  const arrays = inputsOf(base, 3);
  const bar = { data: new Float32Array(1).fill(1), shape: [4, 33, 33], strides: [0, 0, 0] } as const;
  const everything = async (backend: Backend<Tensor>) => {
    const inputs = upload(backend, base, arrays, "f32");
    const cotangent = backend.upload(bar);
    const before = backend.memory().tensors;
    const made = {
      logits: pathLogits(backend, inputs, { heads: base.heads }),
      ...pathLogitsVjp(backend, inputs, cotangent, { heads: base.heads }),
    };
    const read: Record<string, ArrayLike<number>> = {};
    for (const [name, t] of Object.entries(made)) {
      read[name] = await backend.read(t);
      t.dispose();
    }
    expect(backend.memory().tensors).toBe(before);
    return read;
  };

  test("needs no element of a tensor on the host", async () => {
    const device = await everything(createDeviceBackend() as unknown as Backend<Tensor>);
    expect(device).toEqual(await everything(createJsBackend() as unknown as Backend<Tensor>));
  });

  test.each(["apply", "solve", "rowDot"] as const)("leaves nothing behind where %s fails", (kernel) => {
    const backend = createDeviceBackend(kernel) as unknown as Backend<HostTensor>;
    const inputs = upload(backend, base, arrays, "f32");
    const cotangent = backend.upload(bar);
    const before = backend.memory();
    expect(() => pathLogits(backend, inputs, { heads: base.heads })).toThrow(`${kernel} is broken`);
    expect(() => pathLogitsVjp(backend, inputs, cotangent, { heads: base.heads })).toThrow(
      `${kernel} is broken`,
    );
    expect(backend.memory()).toEqual(before);
  });
});

describe("bad input", () => {
  const backend = createJsBackend();
  const f32 = (...shape: [number, number, number]) => backend.empty(shape);
  const key = f32(1, 6, 8);
  const inputs = { query: key, key, erase: key, beta: f32(1, 6, 2) };
  const options = { heads: { query: 2 } };
  const wide = f32(1, 6, 9);
  test.each([
    [{ erase: undefined }, {}, /^erase: expected a tensor, got undefined/],
    [{ erased: key }, {}, /^inputs: .*did you mean erase/],
    [{ query: wide }, {}, /^query: expected 1 × 6 × 8, got 1 × 6 × 9/],
    [{ key: wide }, {}, /^key: expected columns in a multiple of 2 heads/],
    [{ beta: wide }, {}, /^beta: expected 1 × 6 × 2 \(or a divisor of 2\)/],
    [{ beta: backend.empty([1, 6, 2], "f64") }, {}, /^beta: expected f32, got f64/],
    [{}, { heads: { query: 2, value: 2 } }, /^heads: /],
    [{}, { heads: undefined }, /^heads: expected/],
    [{}, { scale: NaN }, /^scale: expected a finite number/],
    [{}, { sequences: Int32Array.of(0, 6) }, /^options: /],
  ])("%o %o", (changed, given, pattern) => {
    const memory = backend.memory();
    const call = () =>
      pathLogits(backend, { ...inputs, ...changed } as never, { ...options, ...given } as never);
    expect(call).toThrow(pattern);
    expect(backend.memory()).toEqual(memory);
  });

  test("a cotangent of another shape or type", () => {
    expect(() => pathLogitsVjp(backend, inputs, key, options)).toThrow(
      /^cotangent: expected 2 × 6 × 6, got 1 × 6 × 8/,
    );
    const f64 = backend.empty([2, 6, 6], "f64");
    expect(() => pathLogitsVjp(backend, inputs, f64, options)).toThrow(/^cotangent: expected f32, got f64/);
  });
});
