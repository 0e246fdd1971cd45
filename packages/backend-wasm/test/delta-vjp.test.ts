import { unitRoundoff, type Backend } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base as f32, drawn, gates, kinds, worst, type Case, type Elements } from "./delta.js";
import { fusedGradients, gradientsOf } from "./delta-gradients.js";
import { BUILDS, random } from "./problem.js";

const base: Case = { ...f32, dtype: "f64" };

const sizes: readonly (readonly [n: number, r: number, p: number])[] = [
  [1, 1, 1],
  [2, 5, 3],
  [4, 20, 33],
  [7, 1, 1],
  [15, 6, 9],
  [17, 8, 16],
  [33, 13, 24],
  [50, 66, 100],
  [150, 7, 9],
];

/** Errors are at most `allowed` ε of what each gradient is measured by. */
function check(
  backends: readonly Backend<WasmTensor>[],
  given: Case,
  { x = drawn(given), chunk, allowed = 64 }: { x?: Elements; chunk?: number; allowed?: number } = {},
): void {
  const { dtype, batch, n, r, p } = given;
  const cotangent = random(dtype, [batch, n, p], 21, 2);
  const final = given.state ? random(dtype, [batch, r, p], 22, 2) : undefined;
  const { gradients, sizes } = gradientsOf(given, x, cotangent, final);
  for (const backend of backends) {
    for (const keeps of [false, true]) {
      const got = fusedGradients(backend, given, x, cotangent, final, { chunk, keeps });
      for (const [name, values] of Object.entries(got)) {
        const error = worst(values, gradients[name]!) / (sizes[name] || 1) / unitRoundoff[dtype];
        const what = `${backend.supports.build}: ${name} ${JSON.stringify({ ...given, keeps })}`;
        expect(error, what).toBeLessThanOrEqual(allowed);
      }
    }
  }
}

describe("all builds", () => {
  let backends: Backend<WasmTensor>[];
  beforeAll(async () => {
    const create = ({ build, relaxed }: (typeof BUILDS)[number]): Promise<Backend<WasmTensor>> =>
      createWasmBackend({ build, relaxed, threads: build === "simd" ? 1 : 2 });
    backends = await Promise.all(BUILDS.map(create));
  });
  afterAll(async () => {
    await Promise.all(backends.map((backend) => backend.dispose()));
  });

  const wanted = (["f32", "f64"] as const).flatMap((dtype) => kinds.map((kind) => ({ dtype, ...kind })));
  test.each(wanted)("$dtype, decay $decay, an erase key of its own: $own: every size and gate", (kind) => {
    for (const [n, r, p] of sizes) {
      for (const gate of gates) {
        const given = { ...base, n, r, p, ...kind, ...gate };
        check(backends, given);
        check(backends, { ...given, state: false, eps: 1e-6 });
      }
    }
    for (const backend of backends) expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });
});

const dtypes = ["f32", "f64"] as const;

describe("one thread", () => {
  let backend: Backend<WasmTensor>;
  beforeAll(async () => {
    backend = await createWasmBackend({ threads: 1 });
  });
  afterAll(() => backend.dispose());

  test.each(dtypes)("%s: any chunk", (dtype) => {
    for (const kind of kinds) {
      for (const chunk of [1, 3, 4, 7, 13, 24, 100]) {
        check([backend], { ...base, dtype, n: 50, r: 9, p: 11, ...kind }, { chunk });
      }
    }
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test.each(dtypes)("%s: resets, slow and mixed decay, repeated keys", (dtype) => {
    const gaps: ((i: number) => number)[] = [
      () => -1e-8,
      (i) => (i % 3 ? 0 : -20),
      (i) => (i % 7 === 3 ? -Infinity : -0.01),
      () => -Infinity,
    ];
    for (const kind of kinds.filter(({ decay }) => decay !== "none")) {
      for (const gap of gaps) {
        const given: Case = { ...base, dtype, n: 60, ...kind };
        const x = drawn(given);
        check([backend], given, { x: { ...x, decay: Float64Array.from(x.decay!, (_, i) => gap(i)) } });
      }
    }
    const given: Case = { ...base, dtype, n: 60 };
    const x = drawn(given);
    const key = Float64Array.from(x.key, (_, i) => ((i % given.r) % 2 ? 0.25 : -0.25));
    check([backend], given, { x: { ...x, key, erase: Float64Array.from(x.erase, () => 2) } });
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test.each(dtypes)("%s: rows of zeros have finite gradients where rows are normalised", (dtype) => {
    const given: Case = { ...base, dtype, n: 9, eps: 1e-6 };
    const x = drawn(given);
    const zeros = (y: ArrayLike<number>): Float64Array => Float64Array.from(y, (v, i) => (i % 3 ? 0 : v));
    const some = (y: ArrayLike<number>): Float64Array =>
      Float64Array.from(y, (v, i) => (Math.floor(i / given.r) % 2 ? 0 : v));
    check([backend], given, { x: { ...x, query: some(zeros(x.query)), key: some(x.key) } });
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test("no rows, no channels, no columns", () => {
    const sizes = [
      [0, 5, 4],
      [6, 0, 4],
      [6, 5, 0],
    ] as const;
    for (const [n, r, p] of sizes) {
      for (const kind of kinds) {
        const given: Case = { ...base, n, r, p, ...kind, write: "columns" };
        const final = random("f64", [2, r, p], 22, 2);
        const cotangent = random("f64", [2, n, p], 21, 2);
        const got = fusedGradients(backend, given, drawn(given), cotangent, final);
        for (const [name, values] of Object.entries(got))
          expect(
            values.every((y, i) => y === (name === "initialState" ? final[i] : 0)),
            name,
          ).toBe(true);
      }
    }
  });
});
