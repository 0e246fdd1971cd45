import { expect, test } from "vitest";
import { ratio, ratioOf, summarise } from "../src/harness/stats.js";

test("median and median absolute deviation", () => {
  expect(summarise([5, 1, 2, 100, 3])).toEqual({ median: 3, mad: 2, samples: [5, 1, 2, 100, 3] });
});

test("the ratio's interval contains it, and shrinks with the spread", () => {
  const steady = ratio([10, 10.1, 9.9, 10, 10], [5, 5.05, 4.95, 5, 5]);
  expect(steady.value).toBe(2);
  expect(steady.low).toBeGreaterThan(1.9);
  expect(steady.high).toBeLessThan(2.1);
  const noisy = ratio([10, 20, 5, 12, 8], [5, 9, 3, 4, 6]);
  expect(noisy.low).toBeLessThan(noisy.value);
  expect(noisy.high).toBeGreaterThan(noisy.value);
  expect(noisy.high! - noisy.low!).toBeGreaterThan(1);
});

test("fewer than three samples tell no interval", () => {
  expect(ratio([4, 6], [1, 1, 1])).toEqual({ value: 5 });
});

test("a ratio of ratios: both drift alike and it stays", () => {
  const slow = (x: readonly number[]): number[] => x.map((v) => 2 * v);
  const [base, own] = [
    [10, 10.2, 9.9],
    [5, 5.1, 4.9],
  ] as const;
  expect(ratioOf([slow(base), own], [slow(own), base]).value).toBe(1);
});

test("the same samples give the same interval", () => {
  expect(ratio([1, 2, 3], [2, 3, 4])).toEqual(ratio([1, 2, 3], [2, 3, 4]));
});
