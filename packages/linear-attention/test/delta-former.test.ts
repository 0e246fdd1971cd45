import { createJsBackend } from "@dlrt/backend-js";
import { UnsupportedError, type HostTensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test, vi } from "vitest";
import { deltaFormer, deltaFormerVjp } from "../src/index.js";
import * as reference from "../src/reference/index.js";
import type { DeltaFormerProblem } from "../src/reference/index.js";
import { base, heads, inputsOf, outHeadsOf, upload, type Arrays } from "./delta-former.js";
import { createDeviceBackend } from "./device-backend.js";
import { errorOf } from "./layers.js";
import { randomFrom } from "../../../tooling/random.mjs";

const limits = { f32: 1e-6, f64: 4e-15 } as const;

function expectOutput(
  problem: DeltaFormerProblem,
  arrays: Arrays | Omit<Arrays, "beta" | "erase">,
  limit = limits,
): void {
  for (const dtype of ["f32", "f64"] as const) {
    const backend = createJsBackend();
    const inputs = upload(backend, problem, arrays, dtype);
    const before = backend.memory().tensors;
    const { batch: _, tokens: __, keyWidth: ___, valueWidth: ____, ...options } = problem;
    const { output } = deltaFormer(backend, inputs, options);
    expect(backend.memory().tensors - before).toBe(1);
    expect(output.shape).toEqual([problem.batch, problem.tokens, outHeadsOf(problem) * problem.valueWidth]);
    expect(errorOf(readView(output), reference.deltaFormer(problem, arrays)), dtype).toBeLessThan(
      limit[dtype],
    );
  }
}

describe("forward", () => {
  test.each([1, 2, 15, 16, 17, 63, 64, 65, 127, 129, 200])("%d tokens", (tokens) => {
    for (const kernel of ["softmax", "exp"] as const) {
      // Without the normaliser, corrections grow exponentially from token to token, unless β and the scores are small.
      const problem = { ...base, tokens, kernel, ...(kernel === "exp" && { scale: 0.05 }) };
      const arrays = inputsOf(problem, tokens);
      if (kernel === "exp") arrays.beta = arrays.beta.map((x) => Math.fround(x / tokens));
      expectOutput(problem, arrays);
    }
  });

  test.each([
    { query: 4, key: 2, value: 2 },
    { query: 1, key: 2, value: 4 },
    { query: 6, key: 1, value: 3 },
  ])("heads %j", (heads) => expectOutput({ ...base, heads }, inputsOf({ ...base, heads }, 2)));

  test("as flash-linear-attention has it: w is the query, and β 1 where there is none", () => {
    const { query, key, value, beta } = inputsOf(base, 3);
    expectOutput(base, { query, key, value });
    expectOutput(base, { query, key, value, beta, erase: query });
  });

  test("packed sequences, an empty one among them", () => {
    const problem = { ...base, batch: 1, tokens: 140, sequences: Int32Array.of(0, 15, 15, 16, 140) };
    expectOutput(problem, inputsOf(problem, 4));
  });

  test("one β for all heads, K = 24, V = 40", () => {
    const problem = { ...base, keyWidth: 24, valueWidth: 40 };
    const arrays = inputsOf(problem, 5);
    const beta = arrays.beta.filter((_, at) => at % 2 === 0);
    expectOutput(problem, { ...arrays, beta });
  });

  // The scores are integers, which are exact in both dtypes, up to ± 1000 and so far beyond what exp can take.
  test.each(["large", "constant", "repeated", "rising"])("%s scores", (kind) => {
    const problem = { ...base, tokens: 100, scale: 1 };
    const arrays = inputsOf(problem, 6);
    const random = randomFrom(60);
    const whole = (size: number) => Math.round(size * random());
    for (const name of ["query", "key", "erase"] as const)
      arrays[name] = arrays[name].map((_, at) => {
        if (kind === "constant") return 13;
        const token = Math.floor(at / 10) % 100;
        if (kind === "repeated") return ((token % 3) + 1) * (name === "key" ? 3 : 5);
        if (kind === "rising") return name === "key" ? token : at % 5 === 0 ? 2 : 0;
        return whole(14);
      });
    expectOutput(problem, arrays);
  });

  test("β = 0 leaves softmax attention, β = 1 and 2 are taken", () => {
    for (const beta of [0, 1, 2]) {
      const arrays = inputsOf(base, 7);
      // With β = 2 corrections may grow, but do not within 33 tokens of these scores.
      expectOutput(base, { ...arrays, beta: arrays.beta.fill(beta) });
    }
  });

  test("no token", () => {
    const backend = createJsBackend();
    const none = backend.empty([2, 0, 10]);
    const inputs = { query: none, key: none, value: backend.empty([2, 0, 6]) };
    const { output } = deltaFormer(backend, inputs, { heads });
    expect(output.shape).toEqual([2, 0, 6]);
    expect(deltaFormerVjp(backend, inputs, { output }, { heads }).key.shape).toEqual([2, 0, 10]);
  });
});

describe("bad input", () => {
  const backend = createJsBackend();
  const f32 = (...shape: [number, number, number]) => backend.empty(shape);
  const key = f32(1, 6, 8);
  const inputs = { query: key, key, value: f32(1, 6, 6) };
  const wide = f32(1, 6, 9);
  test.each([
    [{ value: undefined }, {}, /^value: expected a tensor, got undefined/],
    [{ erases: key }, {}, /^inputs: .*did you mean erase/],
    [{ erase: wide }, {}, /^erase: expected 1 × 6 × 8, got 1 × 6 × 9/],
    [{ key: wide }, {}, /^key: expected columns in a multiple of 2 heads/],
    [{ beta: wide }, {}, /^beta: expected 1 × 6 × 2 \(or a divisor of 2\), got 1 × 6 × 9/],
    [{ value: backend.empty([1, 6, 6], "f64") }, {}, /^value: expected f32, got f64/],
    [{}, { heads: { query: 2, key: 3 } }, /^heads.query: expected a multiple or a divisor/],
    [{}, { kernel: "sigmoid" }, /^kernel: expected "softmax" or "exp", got "sigmoid"/],
    [{}, { scale: "1" }, /^scale: expected a finite number/],
    [{}, { sequences: Int32Array.of(0, 5) }, /^sequences: expected bounds from 0 to 6/],
    [{}, { finalState: true }, /^options: /],
  ])("%o %o", (changed, options, pattern) => {
    const memory = backend.memory();
    const call = () =>
      deltaFormer(backend, { ...inputs, ...changed } as never, { heads: { query: 2 }, ...options } as never);
    expect(call).toThrow(pattern);
    expect(backend.memory()).toEqual(memory);
  });

  test("a cotangent that is missing or of another shape", () => {
    const call = (output: HostTensor) => () =>
      deltaFormerVjp(backend, inputs, { output }, { heads: { query: 2 } });
    expect(call(undefined as never)).toThrow(/^cotangents.output: expected a tensor/);
    expect(call(key)).toThrow(/^cotangents.output: expected 1 × 6 × 6, got 1 × 6 × 8/);
  });

  test("a device is refused", () => {
    const device = createDeviceBackend();
    const one = device.upload({ data: new Float32Array(8), shape: [1, 4, 2] });
    const call = () => deltaFormer(device, { query: one, key: one, value: one }, { heads: { query: 1 } });
    expect(call).toThrow(UnsupportedError);
    expect(call).toThrow(/^backend: expected a backend whose tensors the host can read at once/);
    expect(device.memory().tensors).toBe(1);
  });

  test.each(["apply", "solve", "copy"] as const)("leaves nothing behind where %s fails", (kernel) => {
    const backend = createJsBackend();
    const inputs = upload(backend, base, inputsOf(base, 1), "f32");
    const { output } = deltaFormer(backend, inputs, { heads });
    const before = backend.memory();
    const spy = vi.spyOn(backend.kernels, kernel).mockImplementation(() => {
      throw new Error(`${kernel} is broken`);
    });
    try {
      expect(() => deltaFormer(backend, inputs, { heads })).toThrow(`${kernel} is broken`);
      expect(() => deltaFormerVjp(backend, inputs, { output }, { heads })).toThrow(`${kernel} is broken`);
    } finally {
      spy.mockRestore();
    }
    expect(backend.memory()).toEqual(before);
  });
});
