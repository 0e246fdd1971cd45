import type { Backend, Dtype, FloatArray, Shape, Tensor } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import {
  gatedRmsNorm,
  gatedRmsNormVjp,
  gdnGate,
  gdnGateVjp,
  kdaGate,
  kdaGateVjp,
  l2Norm,
  l2NormVjp,
} from "../src/index.js";
import { backends, put, take } from "./backends.js";

const huge = { f32: 3e38, f64: 1.7e308 } as const;
const row = (...values: number[]): [Float64Array, Shape] => [
  Float64Array.from(values),
  [1, 1, values.length],
];

/** Computes the gate of one number each, x, A_log and dt_bias, and its gradients for the cotangents 1 and 0. */
async function gateOf(
  backend: Backend,
  dtype: Dtype,
  [x, aLog, dtBias]: readonly [number, number, number],
  lowerBound?: number,
): Promise<{ g: number; gradients: number[]; unasked: number[] }> {
  const one = (value: number): Tensor => put(backend, ...row(value), dtype);
  const inputs = { x: one(x), aLog: one(aLog), dtBias: one(dtBias) };
  const back = (bar: number) =>
    take(backend, { ...kdaGateVjp(backend, inputs, { output: one(bar) }, { lowerBound }) });
  const { g } = await take(backend, { g: kdaGate(backend, inputs, { lowerBound }) });
  const gradients = await back(1);
  const unasked = await back(0);
  const gdn = { a: inputs.x, aLog: inputs.aLog, dtBias: inputs.dtBias };
  if (lowerBound === undefined) {
    const own = await take(backend, {
      g: gdnGate(backend, gdn),
      ...gdnGateVjp(backend, gdn, { output: one(1) }),
    });
    expect([own["g"], own["a"], own["aLog"], own["dtBias"]]).toEqual([
      g,
      gradients["x"],
      gradients["aLog"],
      gradients["dtBias"],
    ]);
  }
  const numbers = (all: Record<string, FloatArray>): number[] => Object.values(all).map((array) => array[0]!);
  return { g: g![0]!, gradients: numbers(gradients), unasked: numbers(unasked) };
}

describe.each(backends.flatMap((own) => own.dtypes.map((dtype) => ({ ...own, dtype }))))(
  "$name, $dtype",
  ({ create, dtype }) => {
    const most = huge[dtype];

    test.each([
      [0, 0, 0, -Math.LN2],
      [50, 0, 0, -50],
      [1000, 0, 0, -1000],
      [-30, 0, 0, -9.357622968839737e-14],
      [-60, 0, 0, -8.75651076269652e-27],
      [-60, 30, 0, -9.357622968840175e-14],
      [-1000, 1000, 0, -1],
      [-1000, 0, 0, 0],
      [most, 0, 0, -most],
      [-most, 0, 0, 0],
      [0, -1000, 0, 0],
      [2, 2, -2, -Math.LN2 * Math.exp(2)],
    ])("softplus gate of x %d, A_log %d, dt_bias %d", async (x, aLog, dtBias, expected) => {
      const backend = await create();
      const { g, gradients, unasked } = await gateOf(backend, dtype, [x, aLog, dtBias]);
      const exact = dtype === "f32" ? Math.fround(expected) : expected;
      // In the tails the rounding of the exponent counts too, which moves the result by |x| + |A_log| ε of its size.
      const parts =
        (dtype === "f32" ? 2 ** -24 : 2 ** -53) * (4 + Math.min(60, Math.abs(x)) + Math.abs(aLog));
      expect(Math.abs(g - exact)).toBeLessThanOrEqual(parts * Math.abs(exact));
      for (const value of [...gradients, ...unasked]) expect(value).not.toBeNaN();
      expect(unasked.map(Math.abs)).toEqual([0, 0, 0]);
      await backend.dispose();
    });

    test.each([
      [0, 0, 0, -2.5],
      [1000, 0, 0, -5],
      [-1000, 0, 0, 0],
      [most, 100, most, -5],
      [-most, 100, -most, 0],
      [3, 1000, -3, -2.5],
      [most, -2000, most, -2.5],
      [5, 1000, 0, -5],
    ])("bounded gate of x %d, A_log %d, dt_bias %d", async (x, aLog, dtBias, expected) => {
      const backend = await create();
      const { g, gradients, unasked } = await gateOf(backend, dtype, [x, aLog, dtBias], -5);
      // At x = −1000 the sigmoid is e^−1000, which is 0 in every dtype.
      expect(g).toBeCloseTo(expected, 12);
      expect(g).toBeGreaterThanOrEqual(-5);
      for (const value of [...gradients, ...unasked]) expect(value).not.toBeNaN();
      expect(unasked.map(Math.abs)).toEqual([0, 0, 0]);
      await backend.dispose();
    });

    test("l2Norm of zeros, of the largest numbers, and of tiny ones", async () => {
      const backend = await create();
      const x = put(
        backend,
        Float64Array.of(0, 0, 0, 0, most, -most, most, most, 1e-30, 0, 0, -1e-30),
        [1, 3, 4],
        dtype,
      );
      const bar = put(backend, Float64Array.of(1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4), [1, 3, 4], dtype);
      const options = { eps: 0.25 };
      const { y } = await take(backend, { y: l2Norm(backend, { x }, options) });
      expect([...y!.slice(0, 8)].map((value) => value + 0)).toEqual([0, 0, 0, 0, 0.5, -0.5, 0.5, 0.5]);
      expect(y![8]).toBe(dtype === "f32" ? Math.fround(2 * Math.fround(1e-30)) : 2e-30);
      const { x: gradient } = await take(backend, { ...l2NormVjp(backend, { x }, { output: bar }, options) });
      expect([...gradient!.slice(0, 4)]).toEqual([2, 4, 6, 8]); // ȳ / √eps
      expect([...gradient!].every(Number.isFinite)).toBe(true);
      await backend.dispose();
    });

    test.each(["silu", "sigmoid"] as const)("gatedRmsNorm at the ends, %s", async (activation) => {
      const backend = await create();
      const x = put(backend, Float64Array.of(0, 0, most, -most, 3, 4, 3, 4), [1, 4, 2], dtype);
      const gate = put(backend, Float64Array.of(1, 2, 0, 0, 1000, -1000, most, -most), [1, 4, 2], dtype);
      const weight = put(backend, ...row(1, 2), dtype);
      const inputs = { x, gate, weight };
      const { y } = await take(backend, { y: gatedRmsNorm(backend, inputs, { activation, eps: 0.5 }) });
      const norm = Math.sqrt(13);
      const slow = activation === "sigmoid";
      const expected = [
        0,
        0,
        slow ? 0.5 : 0,
        slow ? -1 : 0,
        (3 / norm) * (slow ? 1 : 1000),
        0,
        slow ? 3 / norm : (3 / norm) * most,
        0,
      ];
      expected.forEach((value, i) =>
        expect(Math.abs(y![i]! - value)).toBeLessThanOrEqual(2e-7 * Math.abs(value)),
      );
      const small = put(backend, new Float64Array(8).fill(2 ** -20), [1, 4, 2], dtype);
      const gradients = await take(backend, {
        ...gatedRmsNormVjp(backend, inputs, { output: small }, { activation, eps: 0.5 }),
      });
      for (const [name, gradient] of Object.entries(gradients))
        expect([...gradient].every(Number.isFinite), name).toBe(true);
      await backend.dispose();
    });
  },
);
