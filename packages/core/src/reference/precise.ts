/**
 * The recurrences of recurrent.ts in double-double: answers with some 32 digits for inputs in float64. They judge
 * float64 results; nothing else needs them.
 */
import { addScaled, copyOf, divide, zeroPairs, type Pairs } from "./double-double.js";
import { decaySteps } from "./double-double-exp.js";
import { lambda, roles } from "./operator.js";
import type { ReferenceOperator } from "./types.js";

export interface PreciseOptions {
  readonly trans?: boolean | undefined;
  /** Z₀, r×p. Default 0. */
  readonly initialState?: Pairs | undefined;
}

export interface PreciseResult {
  /** n×p */
  readonly y: Pairs;
  /** r×p; a new one */
  readonly finalState: Pairs;
}

/** Equation (2): op(T) X + F Z₀. O(n r p). */
export function apply(
  op: ReferenceOperator,
  x: Pairs,
  p: number,
  options: PreciseOptions = {},
): PreciseResult {
  return recurrence(op, p, options, (y, i, sum) => {
    addScaled(y, i * p, [1, 0], sum, 0, p);
    addScaled(y, i * p, [lambda(op, i), 0], x, i * p, p);
    return x;
  });
}

/** Equation (3): op(T)⁻¹ (B − F Z₀). O(n r p). */
export function solve(
  op: ReferenceOperator,
  b: Pairs,
  p: number,
  options: PreciseOptions = {},
): PreciseResult {
  return recurrence(op, p, options, (y, i, sum) => {
    addScaled(y, i * p, [1, 0], b, i * p, p);
    addScaled(y, i * p, [-1, 0], sum, 0, p);
    divide(y, i * p, lambda(op, i), p);
    return y;
  });
}

/** @param finish makes row i of y, which is 0, from f_iᵀ Z; @returns whose row i the state takes up */
function recurrence(
  op: ReferenceOperator,
  p: number,
  { trans = false, initialState }: PreciseOptions,
  finish: (y: Pairs, i: number, sum: Pairs) => Pairs,
): PreciseResult {
  const { n, r } = op;
  const { f, g } = roles(op, trans);
  const z = initialState === undefined ? zeroPairs(r * p) : copyOf(initialState);
  const y = zeroPairs(n * p);
  const sum = zeroPairs(p);
  const decay = decaySteps(op, p);
  for (let step = 0; step < n; step++) {
    const i = trans ? n - 1 - step : step;
    if (!trans) decay(z, i);
    sum.hi.fill(0);
    sum.lo.fill(0);
    for (let m = 0; m < r; m++) addScaled(sum, 0, [f[i * r + m]!, 0], z, m * p, p);
    const carried = finish(y, i, sum);
    for (let m = 0; m < r; m++) addScaled(z, m * p, [g[i * r + m]!, 0], carried, i * p, p);
    if (trans) decay(z, i);
  }
  return { y, finalState: z };
}

/** Equation (4): T⁻¹, n×n. O(n² r). */
export function inverse(op: ReferenceOperator): Pairs {
  const { n, r, q, k } = op;
  const z = zeroPairs(r * n);
  const y = zeroPairs(n * n);
  const decay = decaySteps(op, n);
  for (let i = 0; i < n; i++) {
    decay(z, i);
    for (let m = 0; m < r; m++) addScaled(y, i * n, [-q[i * r + m]!, 0], z, m * n, i);
    y.hi[i * n + i] = 1;
    divide(y, i * n, lambda(op, i), i + 1);
    for (let m = 0; m < r; m++) addScaled(z, m * n, [k[i * r + m]!, 0], y, i * n, i + 1);
  }
  return y;
}

/** Equation (11): A⁻¹ for any lower triangular A, c×c, whose strict upper triangle is not read. O(c³). */
export function trilInverse(a: Float64Array, c: number): Pairs {
  const x = zeroPairs(c * c);
  for (let i = 0; i < c; i++) {
    for (let m = 0; m < i; m++) addScaled(x, i * c, [-a[i * c + m]!, 0], x, m * c, m + 1);
    x.hi[i * c + i] = 1;
    divide(x, i * c, a[i * c + i]!, i + 1);
  }
  return x;
}
