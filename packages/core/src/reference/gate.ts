/**
 * How large the measures of backward-error.ts may be, in ε = 2⁻²⁴ (f32), 2⁻⁵³ (f64): the promise of section 8 of
 * this folder's README, for backends, their tests and the conformance suite alike.
 */

/** ω may be so many ε however small the rank. */
const SMALLEST_GATE = 16;
/** Beyond a rank of 128 it may grow with the rank: roundings of sums over r that are cut into blocks. */
const RANK_PER_EPSILON = 8;

/**
 * The limit of (21), (22), (23) and (24) for an operator of rank r, and of a row's dot product over r columns.
 * @param adversarial the data were built so that no summation order averages its roundings out: twice as much
 */
export function gate(r: number, adversarial: boolean = false): number {
  return Math.max(SMALLEST_GATE, r / RANK_PER_EPSILON) * (adversarial ? 2 : 1);
}

/** The limit of (25), for blocks of `trilInverse`. */
export const BLOCK_GATE = 4;
