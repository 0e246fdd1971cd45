/** e^g in double-double: by it the state of the judge of float64 results decays. */
import { multiply, productError, sumError, zeroPairs, type Pairs } from "./double-double.js";
import { gap } from "./decay.js";
import type { ReferenceOperator } from "./types.js";

/** ln 2 in three parts. Of the first, multiples by integers below 2²⁰ are exact. */
const LN2 = [0.6931471803691238, 1.9082149292705877e-10, 1.1612227229362532e-26] as const;

/** Terms of the series of e^r: for |r| ≤ ln 2 / 2 the next is below 2⁻¹¹². */
const TERMS = 24;

/** 1/m! for m = 0 … TERMS. */
const inverseFactorials: readonly (readonly [number, number])[] = /* @__PURE__ */ makeInverseFactorials();

function makeInverseFactorials(): (readonly [number, number])[] {
  const list: (readonly [number, number])[] = [[1, 0]];
  for (let m = 1; m <= TERMS; m++) {
    const [hi, lo] = list[m - 1]!;
    const quotient = hi / m;
    const product = quotient * m;
    list.push([quotient, (hi - product - productError(quotient, m, product) + lo) / m]);
  }
  return list;
}

/** e^g for g ≤ 0, as hi + lo; 0 where it is below the smallest normal number. */
export function exp(g: number): readonly [hi: number, lo: number] {
  if (Number.isNaN(g)) return [NaN, NaN];
  if (g < -708) return [0, 0];
  // g = n ln 2 + r, e^g = 2ⁿ e^r
  const n = Math.round(g / (LN2[0] + LN2[1]));
  const first = g - n * LN2[0];
  const second = n * LN2[1];
  const rest = first - second;
  const lost = sumError(first, -second, rest) - productError(n, LN2[1], second) - n * LN2[2];
  const r = rest + lost;
  const rLow = lost - (r - rest);
  let [hi, lo] = inverseFactorials[TERMS]!;
  for (let m = TERMS - 1; m >= 0; m--) {
    const product = hi * r;
    const [termHi, termLo] = inverseFactorials[m]!;
    const sum = product + termHi;
    const error =
      sumError(product, termHi, sum) + (productError(hi, r, product) + (hi * rLow + lo * r) + termLo);
    hi = sum + error;
    lo = error - (hi - sum);
  }
  return [hi * 2 ** n, lo * 2 ** n];
}

/** e^{g_i} for every channel of every row, n×r. */
export function factorPairs(op: ReferenceOperator): Pairs {
  const { n, r } = op;
  const factors = zeroPairs(n * r);
  for (let at = 0; at < n * r; at++) {
    [factors.hi[at], factors.lo[at]] = exp(gap(op, Math.floor(at / r), at % r)) as [number, number];
  }
  return factors;
}

/**
 * Returns the step Z ← diag(e^{g_i}) Z, for Z r×p. The step remembers the factor it used last, because an exponential takes longer
 * than all else that it does, and gaps repeat: where a row has one gap all channels share it, and many problems have one for all rows.
 */
export function decaySteps(op: ReferenceOperator, p: number): (z: Pairs, i: number) => void {
  let [last, factor] = [0, exp(0)];
  return (z, i) => {
    for (let m = 0; m < op.r && op.decay !== undefined; m++) {
      const g = gap(op, i, m);
      if (g !== last) [last, factor] = [g, exp(g)];
      multiply(z, m * p, factor, p);
    }
  };
}
