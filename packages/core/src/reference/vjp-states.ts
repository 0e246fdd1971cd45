/** What the states at both ends of a sequence add to the gradients, by how much they decay on the way, in double-double. */
import { addScaled, copyOf, exactly, multiplyEach, zeroPairs, type Pairs } from "./double-double.js";
import { factorPairs } from "./double-double-exp.js";
import type { ReferenceOperator } from "./types.js";

/**
 * Adds to the gradients of the gaps what goes through states: Z₀ on its way to each row and to the end, and each row on
 * its way to the final state.
 */
export function addAcross(
  gaps: Pairs,
  { n, r }: ReferenceOperator,
  trans: boolean,
  [gF, f]: readonly [Pairs, Pairs],
  [gG, g]: readonly [Pairs, Pairs],
  z0: Pairs,
  zf: Pairs,
): void {
  const p = n === 0 ? 0 : z0.hi.length / Math.max(r, 1);
  multiplyEach(z0, 0, zf, 0, z0.hi.length);
  const [reads, writes] = [copyOf(gF), copyOf(gG)];
  multiplyEach(reads, 0, f, 0, n * r);
  multiplyEach(writes, 0, g, 0, n * r);
  for (let t = 0; t < n; t++) {
    for (let m = 0; m < r; m++) {
      for (let j = 0; j < p; j++) addScaled(gaps, t * r + m, [1, 0], z0, m * p + j, 1);
    }
    for (let i = 0; i < n; i++) {
      if (trans ? i < t : i >= t) addScaled(gaps, t * r, [1, 0], reads, i * r, r);
      if (trans ? i >= t : i < t) addScaled(gaps, t * r, [1, 0], writes, i * r, r);
    }
  }
}

/**
 * Returns the products with what a state decays by: Z₀ on its way to each row and to the end, and each row on its way
 * to the final state.
 */
export function across(
  op: ReferenceOperator,
  trans: boolean,
): {
  /** Returns F with row i multiplied by the factor with which it reads Z₀. */
  read(f: Float64Array): Pairs;
  /** Returns G with row i multiplied by the factor with which it is in the final state. */
  write(g: Float64Array): Pairs;
  /** Returns what is left of a state, r×p, after all rows. */
  through(z: Float64Array, p: number): Pairs;
} {
  const { n, r } = op;
  const factors = factorPairs(op);
  /**
   * Returns, in every row that `steps` visits, the product of the factors of all gaps up to there, n×r. `gapOf` names
   * the gap that comes into the product at a row.
   */
  const products = (steps: readonly number[], gapOf: (i: number) => number | undefined): Pairs => {
    const rows = zeroPairs(n * r);
    const running = { hi: new Float64Array(r).fill(1), lo: new Float64Array(r) };
    for (const i of steps) {
      const own = gapOf(i);
      if (own !== undefined) multiplyEach(running, 0, factors, own * r, r);
      addScaled(rows, i * r, [1, 0], running, 0, r);
    }
    return rows;
  };
  const up = Array.from({ length: n }, (_, i) => i);
  const down = [...up].reverse();
  const fromStart = (): Pairs => products(up, (i) => i); // e^{g_0 + … + g_i}
  const toEnd = (): Pairs => products(down, (i) => (i + 1 < n ? i + 1 : undefined)); // e^{g_{i+1} + … + g_{n−1}}
  const times = (rows: Pairs, a: Float64Array): Pairs => {
    multiplyEach(rows, 0, exactly(a), 0, n * r);
    return rows;
  };
  return {
    read: (f) => times(trans ? toEnd() : fromStart(), f),
    write: (g) => times(trans ? fromStart() : toEnd(), g),
    through: (z, p) => {
      const left = copyOf(exactly(z));
      for (let i = 0; i < n; i++) {
        for (let at = 0; at < r * p; at++) multiplyEach(left, at, factors, i * r + Math.floor(at / p), 1);
      }
      return left;
    },
  };
}
