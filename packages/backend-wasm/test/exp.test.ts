import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exp as exactly } from "../../core/dist/reference/double-double-exp.js";
import { compileFactors, places, ulp64, worstOfFloat32, type Factors } from "./factors.js";

/** The bits of −0 and of −∞ in float32. */
const [ZERO, INFINITE] = [0x80000000, 0xff800000];

describe.each([false, true])("relaxed: %s", (relaxed) => {
  let factors: Factors;
  beforeAll(() => {
    factors = compileFactors(relaxed, 32);
  }, 60_000);
  afterAll(() => {
    factors = undefined as unknown as Factors;
  });

  test("e^x in float32 is right within 1 ulp: every 1031st number ≤ 0", () => {
    const worst = worstOfFloat32(factors, ZERO, INFINITE, 1031);
    expect(worst).toBeGreaterThan(0.5);
    expect(worst).toBeLessThanOrEqual(1);
  });

  test("e^x in float64 is right within 1 ulp: from −708 on, and near 0", () => {
    const count = 2 ** 15;
    const [high, low, out] = places(8 * count);
    const x = new Float64Array(factors.buffer, high, count);
    new Float64Array(factors.buffer, low, count).fill(0);
    for (const scale of [708, 40, 1, 2 ** -8, 2 ** -26, 2 ** -50]) {
      for (let i = 0; i < count; i++) x[i] = -scale * ((i * 0.6180339887498949) % 1);
      factors.exp64(high, low, out, 8 * count);
      const y = new Float64Array(factors.buffer, out, count);
      let worst = 0;
      for (let i = 0; i < count; i++) {
        const [hi, lo] = exactly(x[i]!);
        worst = Math.max(worst, Math.abs(y[i]! - hi - lo) / ulp64(hi));
      }
      expect(worst, `down to ${-scale}`).toBeLessThanOrEqual(1);
    }
  });

  test.each([
    ["exp32", Float32Array],
    ["exp64", Float64Array],
  ] as const)("%s of what is no number of the range", (name, type) => {
    const cases: [number, number][] = [
      [0, 1],
      [-0, 1],
      [-Infinity, 0],
      [-1e30, 0],
      [-2000, 0],
      [Number.NaN, Number.NaN],
      [2000, Infinity],
    ];
    const bytes = cases.length * type.BYTES_PER_ELEMENT;
    const [high, low, out] = places(bytes);
    new type(factors.buffer, high, cases.length).set(cases.map(([x]) => x));
    new type(factors.buffer, low, cases.length).fill(0);
    factors[name](high, low, out, bytes);
    expect([...new type(factors.buffer, out, cases.length)]).toEqual(cases.map(([, y]) => y));
  });

  test.each([
    ["parts32", Float32Array, 2 ** 10, 128],
    ["parts64", Float64Array, 2 ** 20, 768],
  ] as const)("%s: a gap is the sum of a multiple of 1/grid and a rest", (name, type, grid, limit) => {
    const gaps = Array.from({ length: 4096 }, (_, i) => -(2 ** ((i % 80) - 70)) * (1 + i / 4096));
    gaps.push(0, -0, -Infinity, Number.NaN, -limit, -limit - 1, -1e30, 1e30);
    const bytes = gaps.length * type.BYTES_PER_ELEMENT;
    const [from, high, low] = places(bytes);
    new type(factors.buffer, from, gaps.length).set(gaps);
    factors[name](from, high, low, bytes);
    const [g, h, l] = [from, high, low].map((at) => new type(factors.buffer, at, gaps.length));
    const wrong = Array.from(g!).filter((gap, i) => {
      const [part, rest] = [h![i]!, l![i]!];
      if (Number.isNaN(gap)) return !Number.isNaN(rest);
      const whole = part + rest === Math.max(-limit, Math.min(limit, gap));
      return !(whole && Number.isInteger(part * grid) && Math.abs(rest) <= 0.5 / grid);
    });
    expect(wrong).toEqual([]);
  });
});
