import type { Dtype } from "@dlrt/core";
import { unitRoundoff } from "@dlrt/core";
import { randomFrom } from "../../../tooling/random.mjs";

/** Describes a problem whose roundings do not average out as those of random data do. Its values may still need rounding to the dtype. */
export interface Family {
  readonly name: string;
  /** Whether the data are built to defeat a way of summing, for which twice the error is allowed. */
  readonly adversarial?: boolean;
  readonly n: number;
  readonly r: number;
  readonly p: number;
  /**
   * These give element (i, m) of Q and of K, element (i, j) of X or B, and λ_i. Those whose size depends on the unit
   * roundoff of the dtype are given it.
   */
  readonly q: (i: number, m: number, epsilon: number) => number;
  readonly k: (i: number, m: number, epsilon: number) => number;
  readonly x: (i: number, j: number, epsilon: number) => number;
  readonly diag: (i: number) => number;
}

type Size = readonly [n: number, r: number, p: number];

/** Takes values from 1 to 16 of both signs, in turn, so that a kernel that takes λ of another row is found. */
const lambda = (i: number): number => (i % 3 === 0 ? -1 : 1) * 2 ** (i % 5);

/** Repeats one token: all rows of Q, K and X are equal, so that every rounding falls to the same side. */
export const constant = ([n, r, p]: Size, diag: (i: number) => number = lambda): Family => ({
  name: `constant, n ${n}, r ${r}, p ${p}`,
  ...{ n, r, p, diag },
  q: () => 0.1,
  k: () => 0.1,
  x: () => 0.7,
});

/** Sets every entry of Q and K to c/√r, so that each q·k is a sum of r equal terms. */
export const equal = ([n, r, p]: Size, c = 0.7): Family => ({
  name: `equal entries, n ${n}, r ${r}, p ${p}`,
  ...{ n, r, p, diag: lambda },
  q: () => c / Math.sqrt(r),
  k: () => c / Math.sqrt(r),
  x: (_, j) => 0.7 / (j + 1),
});

/** Makes random data without a minus sign, so that no sum cancels. */
export const oneSided = ([n, r, p]: Size): Family => {
  const random = randomFrom(n + r + p);
  const table = Float64Array.from({ length: 4096 }, () => Math.abs(random()));
  const at = (i: number, m: number, salt: number): number => table[(i * 31 + m * 17 + salt) % 4093]!;
  return {
    name: `one sign, n ${n}, r ${r}, p ${p}`,
    ...{ n, r, p, diag: lambda },
    q: (i, m) => at(i, m, 1) / r,
    k: (i, m) => at(i, m, 2),
    x: (i, j) => at(i, j, 3),
  };
};

/** Makes five random tokens and repeats them in turn, so that keys come back for as long as the sequence lasts. */
export const repeated = ([n, r, p]: Size): Family => {
  const family = oneSided([n, r, p]);
  return {
    ...family,
    name: `repeated tokens, n ${n}, r ${r}, p ${p}`,
    q: (i, m) => family.q(i % 5, m, 0),
    k: (i, m) => family.k(i % 5, m, 0) - 0.5,
    x: (i, j) => family.x(i % 5, j, 0),
  };
};

/**
 * Makes every q·k a sum of one product of 1 and r − 1 others just under half an ulp of 1. A single chain of additions
 * that meets the 1 first loses all the others.
 */
export const tinyProducts = ([n, r, p]: Size, diag?: () => number): Family => ({
  name: `one product of 1 and tiny ones, n ${n}, r ${r}, p ${p}`,
  adversarial: true,
  ...{ n, r, p, diag: diag ?? lambda },
  q: () => 1,
  k: (_, m, epsilon) => (m === 0 ? 1 : 0.98 * epsilon),
  x: () => 1,
});

/** Makes the same sum, one product per row: it is the sum over a chunk's rows, or the state, that may lose the tiny ones. */
export const tinyRows = ([n, r, p]: Size): Family => ({
  name: `one key of 1 and tiny ones, n ${n}, r ${r}, p ${p}`,
  adversarial: true,
  ...{ n, r, p, diag: () => 1 },
  q: () => 1,
  k: (i, _, epsilon) => (i === 0 ? 1 : 0.98 * epsilon),
  x: () => 1,
});

/**
 * Makes a sum of one product of 1 and tiny ones, of which `group` together are just under half an ulp of 1. Partial
 * sums of that many terms are lost as single terms are elsewhere.
 */
export const tinyGroups = ([n, r, p]: Size, group: number): Family => ({
  name: `one product of 1 and tiny groups of ${group}, n ${n}, r ${r}, p ${p}`,
  adversarial: true,
  ...{ n, r, p, diag: lambda },
  q: () => 1,
  k: (i, m, epsilon) => (m === 0 && i === 0 ? 1 : (0.98 * epsilon) / group),
  x: () => 1,
});

export const values = (
  dtype: Dtype,
  rows: number,
  cols: number,
  f: (i: number, j: number, e: number) => number,
) =>
  Float64Array.from({ length: rows * cols }, (_, at) =>
    dtype === "f32"
      ? Math.fround(f(Math.floor(at / cols), at % cols, unitRoundoff.f32))
      : f(Math.floor(at / cols), at % cols, unitRoundoff.f64),
  );
