import { expect, test } from "vitest";
import { residual, solveOmega } from "../src/harness/accuracy/residual.js";
import { naiveSolve } from "../src/harness/operations/naive-solve.js";
import type { Problem } from "../src/harness/workload/problem.js";
import { dense, problem } from "./problems.js";

/** ω as (21) of the reference defines it, from dense matrices. */
function byDefinition(of: Problem, x: Float32Array | Float64Array, rhs: Float32Array | Float64Array): number {
  const { batch, n, r, p, q, k } = of;
  const absolute = { ...of, q: q.map(Math.abs), k: k.map(Math.abs), diag: of.diag.map(Math.abs), r };
  // Without decay every sum of gaps is 0, and the second term is nothing.
  const allowed = (sum: number): number =>
    (sum === -Infinity ? 0 : Math.exp(sum) * (1 - sum)) + (of.decay ? 2 ** -64 : 0);
  const sizes = dense(absolute, 0, allowed);
  expect(batch).toBe(1);
  const t = dense(of, 0);
  let worst = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < p; j++) {
      let [sum, size] = [rhs[i * p + j]!, Math.abs(rhs[i * p + j]!)];
      for (let l = 0; l <= i; l++) {
        sum -= t[i]![l]! * x[l * p + j]!;
        size += sizes[i]![l]! * Math.abs(x[l * p + j]!);
      }
      worst = Math.max(worst, Math.abs(sum) / size);
    }
  }
  return worst * 2 ** 24;
}

function solved(of: Problem): Float32Array | Float64Array {
  const y = of.b.slice();
  naiveSolve(of, y, new Float64Array(of.r * of.p));
  return y;
}

const cases = (["none", "row", "channel"] as const).flatMap((decay) =>
  [1, 2, 3, 4, 5, 13, 64].map((n) => ({ decay, n })),
);
for (const { decay, n } of cases) {
  test(`ω is the definition's, n = ${n}, decay ${decay}`, () => {
    const of = problem({ batch: 1, n, decay });
    const y = solved(of);
    const omega = solveOmega(of, y);
    expect(omega).toBeLessThan(2);
    expect(omega).toBeCloseTo(byDefinition(of, y, of.b), 6);
    y[y.length - 1] = y[y.length - 1]! * 1.01;
    expect(solveOmega(of, y)).toBeCloseTo(byDefinition(of, y, of.b), 1);
    expect(solveOmega(of, y)).toBeGreaterThan(1000);
  });
}

test("an element off, in any row of any batch entry, is seen", () => {
  const of = problem();
  const y = solved(of);
  for (let at = 0; at < y.length; at++) {
    const spoilt = y.slice();
    spoilt[at] = spoilt[at]! + Math.sign(spoilt[at]!) * 2 ** -10;
    expect(solveOmega(of, spoilt)).toBeGreaterThan(16);
  }
});

test("NaN and infinities are never right", () => {
  const of = problem();
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    const y = solved(of);
    y[40] = bad;
    expect(solveOmega(of, y)).toBe(Infinity);
  }
});

test("a residual where nothing is allowed is infinite, none is zero", () => {
  const of = problem({ batch: 1 });
  of.b.fill(0);
  const y = of.b.slice();
  expect(solveOmega(of, y)).toBe(0);
  y[0] = 1e-30;
  expect(solveOmega(of, y)).toBeGreaterThan(16);
});

test("products: the right-hand side does not excuse an error", () => {
  const of = problem({ batch: 1, r: 0 });
  const y = of.b.map((b, t) => b * of.diag[Math.floor(t / of.p)]!);
  expect(residual(of, of.b, y, 0)).toBeLessThanOrEqual(1);
  y[3] = y[3]! * 1.1;
  expect(residual(of, of.b, y, 0)).toBeGreaterThan(1e6);
});
