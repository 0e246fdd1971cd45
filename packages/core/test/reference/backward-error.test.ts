import { describe, expect, test } from "vitest";
import {
  dense,
  gate,
  omega,
  omegaApply,
  omegaInverse,
  omegaState,
  omegaTrilInverse,
  recurrent,
  rowsOf,
} from "../../src/reference/index.js";
import { deltaNet, EPSILON, LIMIT, replaced } from "./problems.js";
import { Random } from "../../../../tooling/random.mjs";

const [n, r, p] = [256, 16, 4];
const random = new Random(256);
const op = deltaNet(random, n, r);
const b = random.normals(n * p);
const state = random.normals(r * p);
const cases = [false, true].flatMap((trans) =>
  [undefined, state].map((z) => ({
    name: z ? "with Z₀" : "no Z₀",
    options: { trans, alpha: -3, initialState: z },
  })),
);

describe.each(cases)("ω, trans $options.trans, $name", ({ options }) => {
  const { y } = recurrent.solve(op, b, p, options);

  test("a right answer measures a few ε", () => {
    const w = omega(op, y, b, p, options);
    expect(w).toBeGreaterThan(0);
    expect(w).toBeLessThanOrEqual(4 * EPSILON);
  });

  test("any other option is far outside", () => {
    expect(omega(op, y, b, p, { ...options, trans: !options.trans })).toBeGreaterThan(1e3 * LIMIT);
    expect(omega(op, y, b, p, { ...options, alpha: 3 })).toBeGreaterThan(1e3 * LIMIT);
    expect(
      omega(op, y, b, p, { ...options, initialState: options.initialState ? undefined : state }),
    ).toBeGreaterThan(1e3 * LIMIT);
  });

  test("NaN and ∞ anywhere never pass", () => {
    for (const at of [0, 1, (n * p) / 2, n * p - 1]) {
      for (const value of [NaN, Infinity, -Infinity]) {
        expect(omega(op, replaced(y, at, value), b, p, options) <= LIMIT).toBe(false);
        expect(omega(op, y, replaced(b, at, value), p, options) <= LIMIT).toBe(false);
        expect(omega(op, replaced(y, at, value), replaced(b, at, value), p, options) <= LIMIT).toBe(false);
        expect(omegaApply(op, replaced(y, at, value), b, p, options) <= LIMIT).toBe(false);
      }
    }
  });

  test("apply and the final state are measured alike", () => {
    const { y: applied, finalState: final } = recurrent.apply(op, b, p, options);
    expect(omegaApply(op, dense.apply(op, b, p, options).y, b, p, options)).toBeLessThanOrEqual(LIMIT);
    expect(omegaApply(op, applied, b, p, { ...options, trans: !options.trans })).toBeGreaterThan(1e3 * LIMIT);
    expect(omegaApply(op, applied, b, p, { ...options, alpha: 3 })).toBeGreaterThan(1e3 * LIMIT);
    expect(omegaState(op, final, b, p, { ...options, trans: !options.trans })).toBeGreaterThan(1e3 * LIMIT);
    expect(omegaState(op, replaced(final, 3, final[3]! * (1 + 1e-12)), b, p, options)).toBeGreaterThan(LIMIT);
    expect(omegaState(op, replaced(final, 3, NaN), b, p, options) <= LIMIT).toBe(false);
  });
});

test("one dropped chunk update is far above 16 ε", () => {
  const half = n / 2;
  const first = recurrent.solve(rowsOf(op, 0, half), b.subarray(0, half * p), p);
  const second = recurrent.solve(rowsOf(op, half, n), b.subarray(half * p), p);
  const y = Float64Array.of(...first.y, ...second.y);
  expect(omega(op, y, b, p)).toBeGreaterThan(1e3 * LIMIT);
});

test("one element 64 ε off, and rounding to f32, are seen", () => {
  const { y } = recurrent.solve(op, b, p);
  expect(omega(op, replaced(y, 0, y[0]! * (1 + 128 * EPSILON)), b, p)).toBeGreaterThan(LIMIT);
  const rounded = omega(op, y.map(Math.fround), b, p);
  expect(rounded).toBeGreaterThan(0.1 * 2 ** -24);
  expect(rounded).toBeLessThanOrEqual(16 * 2 ** -24);
});

test("0/0 counts 0, a wrong zero is refused, what underflows is forgiven, an overflowing bound counts NaN", () => {
  const zero = {
    n: 2,
    r: 1,
    diag: Float64Array.of(1, 1),
    q: Float64Array.of(0, 1),
    k: Float64Array.of(1, 0),
  };
  const nothing = new Float64Array(2);
  expect(omega(zero, nothing, nothing, 1)).toBe(0);
  expect(omega({ ...zero, diag: nothing }, nothing, Float64Array.of(0, 1), 1)).toBe(1);
  const none = { ...zero, diag: nothing };
  expect(omegaApply(none, Float64Array.of(0, 1e-300), nothing, 1)).toBeGreaterThan(2 ** 20 * LIMIT);
  expect(omegaApply(none, Float64Array.of(0, 2 ** -1022), nothing, 1)).toBe(2 ** -53);
  expect(omegaApply(none, Float64Array.of(0, 2 ** -126), nothing, 1, { dtype: "f32" })).toBe(2 ** -24);
  const huge = Float64Array.of(1e308, 1e308);
  expect(omega({ ...zero, k: nothing }, huge, huge, 1)).toBeNaN();
  expect(omega({ n: 0, r: 0, q: nothing, k: nothing }, new Float64Array(), new Float64Array(), 3)).toBe(0);
});

test("the measures of an inverse see one wrong element, and anything above the diagonal", () => {
  const part = rowsOf(op, 0, 64);
  const x = recurrent.inverse(part);
  expect(omegaInverse(part, replaced(x, 40 * 64 + 3, x[40 * 64 + 3]! + 1e-12))).toBeGreaterThan(LIMIT);
  expect(omegaInverse(part, replaced(x, 3, 1e-300))).toBe(Infinity);
  expect(omegaInverse(part, replaced(x, 3, NaN)) <= LIMIT).toBe(false);
  const a = replaced(dense.materialize(part), 3, NaN);
  expect(omegaTrilInverse(a, x, 64)).toBeLessThanOrEqual(LIMIT);
  expect(omegaTrilInverse(a, replaced(x, 3, 1), 64)).toBe(Infinity);
});

test("16 ε up to a rank of 128, an eighth of the rank beyond; twice that for data built to defeat summation", () => {
  expect([0, 1, 128, 136, 1024].map((rank) => gate(rank))).toEqual([16, 16, 16, 17, 128]);
  expect([1, 1024].map((rank) => gate(rank, true))).toEqual([32, 256]);
});
