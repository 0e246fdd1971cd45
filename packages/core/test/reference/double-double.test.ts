/** The judge of float64 results is compared with truths that are computed in whole numbers: every float64 is an integer times 2⁻¹⁰⁷⁴. */
import { expect, test } from "vitest";
import { addScaled, divide, exactly, zeroPairs, type Pairs } from "../../src/reference/double-double.js";
import {
  dense,
  omega,
  omegaApply,
  omegaInverse,
  omegaRowDot,
  omegaState,
  omegaTrilInverse,
  recurrent,
  type ReferenceOperator,
} from "../../src/reference/index.js";
import { EPSILON } from "./problems.js";
import { Random } from "../../../../tooling/random.mjs";

const UNIT = 1074n;

/** Returns x·2¹⁰⁷⁴, which is an integer. */
function integer(x: number): bigint {
  const [word] = new BigUint64Array(Float64Array.of(Math.abs(x)).buffer);
  const exponent = word! >> 52n;
  const fraction = word! & ((1n << 52n) - 1n);
  const value = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return x < 0 ? -value : value;
}

/** Returns |a / b|, right to 60 bits and more. */
function ratio(a: bigint, b: bigint): number {
  const [top, bottom] = [a < 0n ? -a : a, b < 0n ? -b : b];
  if (top === 0n) return 0;
  return Number((top << 200n) / bottom) / 2 ** 200;
}

const magnitude = (x: bigint): bigint => (x < 0n ? -x : x);

/** Returns |Σ a_m b_m − y| / Σ |a_m b_m|, computed exactly. */
function exactError(terms: readonly (readonly [number, number])[], y: number): number {
  let sum = 0n;
  let bound = 0n;
  for (const [a, b] of terms) {
    sum += integer(a) * integer(b);
    bound += magnitude(integer(a) * integer(b));
  }
  return ratio(sum - (integer(y) << UNIT), bound);
}

function value({ hi, lo }: Pairs, at: number): bigint {
  return integer(hi[at]!) + integer(lo[at]!);
}

test("a sum of products keeps more than 100 bits, cancellation and all", () => {
  const random = new Random(1);
  for (let round = 0; round < 200; round++) {
    const count = random.integer(1, 100);
    const spread = (): number => random.normal() * 2 ** random.integer(-200, 200);
    const terms = Array.from({ length: count }, () => [spread(), spread()] as const);
    const sum = zeroPairs(1);
    for (const [a, b] of terms) addScaled(sum, 0, [a, 0], exactly(Float64Array.of(b)), 0, 1);
    const exact = terms.reduce((total, [a, b]) => total + integer(a) * integer(b), 0n);
    const bound = terms.reduce((total, [a, b]) => total + magnitude(integer(a) * integer(b)), 0n);
    expect(ratio((value(sum, 0) << UNIT) - exact, bound)).toBeLessThan(count * count * 2 ** -104);
  }
});

test("a quotient keeps more than 100 bits", () => {
  const random = new Random(2);
  for (let round = 0; round < 200; round++) {
    const [a, b] = [random.normal(), random.normal() * 2 ** random.integer(-300, 300)];
    const c = { hi: Float64Array.of(a), lo: Float64Array.of(a * random.normal() * 2 ** -54) };
    const exact = value(c, 0);
    divide(c, 0, b, 1);
    const error = value(c, 0) * integer(b) - (exact << UNIT);
    expect(ratio(error, exact << UNIT)).toBeLessThan(2 ** -102);
  }
});

test("numbers near the end of the range are split without overflow, what overflows is NaN", () => {
  for (const [a, b] of [
    [1.7e308, 0.7],
    [2 ** 1000 / 3, 2 ** 20 / 7],
    [1 / 3, 1e308],
  ] as const) {
    const sum = zeroPairs(1);
    addScaled(sum, 0, [a, 0], exactly(Float64Array.of(b)), 0, 1);
    addScaled(sum, 0, [-a, 0], exactly(Float64Array.of(b)), 0, 1);
    expect(sum.hi[0]! + sum.lo[0]!).toBe(0);
  }
  const sum = zeroPairs(1);
  addScaled(sum, 0, [1e308, 0], exactly(Float64Array.of(10)), 0, 1);
  expect(sum.hi[0]! + sum.lo[0]!).toBeNaN();
});

/** Makes an operator with λ = 1 in which every element of Q and K is k. */
function constant(n: number, k: number): ReferenceOperator {
  const fill = (): Float64Array => new Float64Array(n).fill(k);
  return { n, r: 1, diag: new Float64Array(n).fill(1), q: fill(), k: fill() };
}

test("long sums of one sign: one chain is far off, its f64 judge sees nothing, this one sees the truth", () => {
  const n = 4096;
  const op = constant(n, 0.1);
  const x = new Float64Array(n).fill(0.7);
  const { y, finalState: state } = recurrent.apply(op, x, 1);
  const step = integer(0.1) * integer(0.7);
  let worst = 0;
  for (let i = 0; i < n; i++) {
    const exact = (integer(0.7) << (2n * UNIT)) + BigInt(i) * integer(0.1) * step;
    worst = Math.max(worst, ratio((integer(y[i]!) << (2n * UNIT)) - exact, exact));
  }
  expect(worst).toBeGreaterThan(16 * EPSILON);
  expect(omegaApply(op, y, x, 1, { dtype: "f32" })).toBe(0);
  expect(omegaApply(op, y, x, 1) / worst).toBeCloseTo(1, 6);
  const exactState = ratio((integer(state[0]!) << UNIT) - BigInt(n) * step, BigInt(n) * step);
  expect(omegaState(op, state, x, 1) / exactState).toBeCloseTo(1, 6);
  // The right number of each row, rounded once, is half an ε off at most.
  const right = y.map((_, i) => {
    const exact = (integer(0.7) << (2n * UNIT)) + BigInt(i) * integer(0.1) * step;
    return Number(exact >> (3n * UNIT - 1000n)) / 2 ** 1000;
  });
  expect(omegaApply(op, right, x, 1)).toBeLessThanOrEqual(EPSILON);
  expect(omegaApply(op, right, x, 1, { dtype: "f32" })).toBeGreaterThan(16 * EPSILON);
});

test("a residual of solve is the exact one", () => {
  const random = new Random(5);
  const [n, r] = [40, 6];
  const one = (): Float64Array => random.normals(n * r, 0.4);
  const op = { n, r, diag: random.normals(n), q: one(), k: one() };
  const b = random.normals(n);
  const { y } = recurrent.solve(op, b, 1);
  let worst = 0;
  for (let i = 0; i < n; i++) {
    // The sum is λ_i y_i − b_i + Σ_j Σ_l q_il k_jl y_j, in units of 2⁻³·¹⁰⁷⁴.
    let sum = (integer(op.diag[i]!) * integer(y[i]!) - (integer(b[i]!) << UNIT)) << UNIT;
    let bound =
      (magnitude(integer(op.diag[i]!) * integer(y[i]!)) + (magnitude(integer(b[i]!)) << UNIT)) << UNIT;
    for (let j = 0; j < i; j++) {
      for (let l = 0; l < r; l++) {
        const term = integer(op.q[i * r + l]!) * integer(op.k[j * r + l]!) * integer(y[j]!);
        sum += term;
        bound += magnitude(term);
      }
    }
    worst = Math.max(worst, ratio(sum, bound));
  }
  expect(worst).toBeGreaterThan(0.1 * EPSILON);
  expect(omega(op, y, b, 1) / worst).toBeCloseTo(1, 9);
});

test("inverses are judged beside the exact one", () => {
  // T = [[.3, 0], [.1, .7]], so that X₁₀ = −.1 / (.3 · .7). |X||T||X| is |X| on the diagonal, and 3 |X| below it.
  const op = {
    n: 2,
    r: 1,
    diag: Float64Array.of(0.3, 0.7),
    q: Float64Array.of(0, 0.1),
    k: Float64Array.of(1, 0),
  };
  const exact = [
    [1n << UNIT, integer(0.3), 1],
    [-integer(0.1) << UNIT, integer(0.3) * integer(0.7), 3],
    [1n << UNIT, integer(0.7), 1],
  ] as const;
  const near = exact.map(([top, bottom]) => (1 + 2 ** -50) * (Number((top << 200n) / bottom) / 2 ** 200));
  const x = Float64Array.of(near[0]!, 0, near[1]!, near[2]!);
  const errors = exact.map(
    ([top, bottom, times], at) => ratio(integer(near[at]!) * bottom - (top << UNIT), top << UNIT) / times,
  );
  const worst = Math.max(...errors);
  expect(worst).toBeGreaterThan(EPSILON);
  expect(omegaInverse(op, x) / worst).toBeCloseTo(1, 6);
  expect(omegaTrilInverse(dense.materialize(op), x, 2) / worst).toBeCloseTo(1, 6);
});

test("a row's dot product is judged by its exact value", () => {
  const random = new Random(9);
  const p = 257;
  const [x, y] = [random.normals(p), random.normals(p)];
  let chain = 0;
  for (let j = 0; j < p; j++) chain += x[j]! * y[j]!;
  const terms = Array.from({ length: p }, (_, j) => [x[j]!, y[j]!] as const);
  expect(omegaRowDot(x, y, Float64Array.of(chain), p, 1) / exactError(terms, chain)).toBeCloseTo(1, 9);
  // One product is 1, and all others are just under half a unit in the last place of 1: a chain of additions loses them all.
  const tiny = Float64Array.from({ length: p }, (_, j) => (j === 0 ? 1 : 0.98 * 2 ** -53));
  const ones = new Float64Array(p).fill(1);
  expect(omegaRowDot(ones, tiny, Float64Array.of(1), p, 1) / EPSILON).toBeCloseTo(0.98 * 256, 6);
});
