import { expect, it } from "vitest";
import { decayCoupling, sumGaps } from "../../src/kernels/decay-rows.js";
import { exp, exponentials, factor, highPart } from "../../src/kernels/exp.js";
import { COUPLING, DOWN, POWER, REST, scratch, UP, Y } from "../../src/kernels/scratch.js";
import type { Walk } from "../../src/kernels/walk.js";
import { fixed, ulps } from "./exact-exp.js";
import { randomFrom } from "../../../../tooling/random.mjs";

const seed = process.env.DLRT_LONG ? Math.floor(Math.random() * 2 ** 31) : 1;
const samples = process.env.DLRT_LONG ? 300_000 : 12_000;

/**
 * Draws negative numbers of every size, from the subnormal ones to −708, and takes those on both sides of where n of
 * e^x = 2^n e^rest changes.
 */
function sample(count: number): number[] {
  const random = randomFrom(seed);
  const all = [-Number.MIN_VALUE, -(2 ** -1022), -708.39, -(2 ** -53), -(2 ** -52)];
  for (let n = 1; n < 2040; n++) all.push(-(n * Math.LN2) / 2, (-(n * Math.LN2) / 2) * (1 + 2 ** -50));
  while (all.length < count) {
    all.push(
      -354 * (1 + random()),
      -(2 ** (random() * 30 - 25)),
      -(2 ** (random() * 500 - 500)),
      -1 - random(),
    );
  }
  return all.filter((x) => x > -708.3);
}

it(`exp is at most one unit in the last place off, seed ${seed}`, () => {
  let worst = 0;
  for (const x of sample(samples)) worst = Math.max(worst, Math.abs(ulps(exp(x), fixed(x))));
  expect(worst).toBeLessThanOrEqual(1);
  expect(worst).toBeGreaterThan(0.4);
});

it("exp of a row is that of its elements, bit for bit", () => {
  const values = [...sample(5000), -Infinity, NaN, 0, -0, 1, 20];
  for (let from = 0; from < values.length; from += 100) {
    const part = values.slice(from, from + 100);
    scratch.set(part, Y);
    exponentials(Y, part.length);
    expect([...scratch.subarray(Y, Y + part.length)]).toEqual(part.map((g) => exp(g)));
  }
});

it("its ends: 1 for 0, 0 for −∞ and wherever the result would not be normal, ∞ for growth, NaN for NaN", () => {
  expect([0, -0, -Infinity, -709, -1e300, Infinity, 711, NaN].map(exp)).toEqual([
    ...[1, 1, 0, 0, 0, Infinity, Infinity, NaN],
  ]);
  expect(Math.abs(ulps(exp(1), fixed(1)))).toBeLessThanOrEqual(1);
  expect(Math.abs(ulps(exp(300.5), fixed(300.5)))).toBeLessThanOrEqual(1);
});

/** Makes a walk of one chunk that has gaps and nothing else. */
const walkOver = (gaps: Float64Array, trans: boolean): Walk =>
  ({ gaps: { data: gaps, start: 0, stride: 1 }, trans }) as unknown as Walk;

it.each([false, true])(
  "factors between any two rows of a chunk keep to 2 ulp whatever sums they are differences of, trans %s",
  (trans) => {
    const rows = 32;
    const random = randomFrom(7);
    for (const gap of [
      () => -10 * (1 + random()),
      () => -1e-8,
      () => -0.0123,
      () => (random() < 0 ? -700 : -1e-3 * (1 + random())),
      () => -2e-4 * (1 + random()),
    ]) {
      const gaps = Float64Array.from({ length: rows }, gap);
      sumGaps(walkOver(gaps, trans), 0, rows);
      scratch.fill(1, COUPLING, COUPLING + rows * rows);
      decayCoupling(COUPLING, rows, rows);
      const over = (from: number, to: number): bigint =>
        gaps.slice(Math.max(0, from), to).reduce((sum, g) => sum + fixed(g), 0n);
      const shift = trans ? 0 : 1;
      const check = (got: number, sum: bigint): void => {
        if (sum < fixed(-708)) expect(got).toBeLessThan(2 ** -1020);
        else expect(Math.abs(ulps(got, sum))).toBeLessThanOrEqual(2);
      };
      for (let v = 0; v < rows; v++) {
        for (let w = 0; w < v; w++) check(scratch[COUPLING + v * rows + w]!, over(w + shift, v + shift));
        check(scratch[UP + v]!, over(0, v + shift));
        check(scratch[DOWN + v]!, over(v + shift, rows));
      }
      check(scratch[POWER]! + scratch[REST]!, over(0, rows));
    }
  },
);

it("a pair tells a slow decay from 1 by far more bits than a factor has", () => {
  sumGaps(walkOver(Float64Array.of(-1e-8), false), 0, 1);
  expect(scratch[POWER]).toBe(1);
  expect(Math.abs(scratch[REST]! / Math.expm1(-1e-8) - 1)).toBeLessThan(2 ** -51);
  const high = highPart(-1e-8);
  expect(factor(high, -1e-8 - high)).toBe(1 + scratch[REST]!);
});
