/**
 * The measures every backend is held to, at most 16 ε (ε = 2⁻²⁴ for f32, 2⁻⁵³ for f64). Each is a largest
 * |residual| / bound over all elements, with 0/0 = 0, and NaN or ∞ as soon as something is not finite: test
 * `omega(…) <= limit`, which NaN fails. Equations (21) to (25).
 */
import * as dense from "./dense.js";
import { scaled, tril, trilMatmul } from "./matrix.js";
import { absolute, initialState, roles } from "./operator.js";
import * as recurrent from "./recurrent.js";
import type { ReferenceOperator, ReferenceOptions } from "./types.js";

type CallOptions = Pick<ReferenceOptions, "trans" | "alpha" | "state">;

/**
 * Componentwise backward error ω of y as `solve(op, b, p, options).y`, in O(n r p): equation (21).
 * @param y n×p, what a solver returned
 * @param b n×p
 */
export function omega(
  op: ReferenceOperator,
  y: Float64Array,
  b: Float64Array,
  p: number,
  { trans, alpha = 1, state }: CallOptions = {},
): number {
  const scaledState = state && scaled(alpha, state);
  const ty = recurrent.apply(op, y, p, { trans, state: scaledState }).y;
  const bound = recurrent.apply(absolute(op), y.map(Math.abs), p, {
    trans,
    state: scaledState?.map(Math.abs),
  }).y;
  return largest(y.length, (at) => [alpha * b[at]! - ty[at]!, bound[at]! + Math.abs(alpha * b[at]!)]);
}

/**
 * Componentwise error of y as `apply(op, x, p, options).y`, in O(n r p): equation (22).
 * @param y n×p, what was returned
 * @param x n×p
 */
export function omegaApply(
  op: ReferenceOperator,
  y: Float64Array,
  x: Float64Array,
  p: number,
  { trans, alpha = 1, state }: CallOptions = {},
): number {
  const exact = recurrent.apply(op, x, p, { trans, alpha, state }).y;
  const bound = recurrent.apply(absolute(op), x.map(Math.abs), p, {
    trans,
    alpha: Math.abs(alpha),
    state: state?.map(Math.abs),
  }).y;
  return largest(exact.length, (at) => [y[at]! - exact[at]!, bound[at]!]);
}

/**
 * Componentwise error of z as the final state Z₀ + Gᵀ x: equation (23).
 * @param z r×p, what was returned
 * @param x n×p: the `x` of apply, or the solution of solve before `alpha`
 */
export function omegaState(
  op: ReferenceOperator,
  z: Float64Array,
  x: Float64Array,
  p: number,
  { trans, state }: Pick<ReferenceOptions, "trans" | "state"> = {},
): number {
  const { n, r } = op;
  const { g } = roles(op, trans ?? false);
  const exact = initialState(state, r, p);
  const bound = exact.map(Math.abs);
  const lost = new Float64Array(r * p); // what roundings took: small terms add to a large Z₀ (Neumaier)
  for (let i = 0; i < n; i++) {
    for (let at = 0; at < r * p; at++) {
      const term = g[i * r + Math.floor(at / p)]! * x[i * p + (at % p)]!;
      const before = exact[at]!;
      const after = before + term;
      lost[at]! += Math.abs(before) >= Math.abs(term) ? before - after + term : term - after + before;
      exact[at] = after;
      bound[at]! += Math.abs(term);
    }
  }
  return largest(exact.length, (at) => [z[at]! - exact[at]! - lost[at]!, bound[at]!]);
}

/**
 * Componentwise error of x as T⁻¹ beside |X| |T| |X|, where |T| stands for |Λ| + tril(|Q||K|ᵀ, −1): equation (24).
 * O(n³). Nothing but 0 passes above the diagonal.
 * @param x n×n, what was returned
 */
export function omegaInverse(op: ReferenceOperator, x: Float64Array): number {
  return trilError(x, recurrent.inverse(op), dense.materialize(absolute(op)), op.n);
}

/**
 * Componentwise error of x as A⁻¹ beside |X| |A| |X|, for a lower triangular block: equation (25). O(c³). The limit
 * is 4 ε. Nothing but 0 passes above the diagonal.
 * @param a c×c; its strict upper triangle is not read
 * @param x c×c, what was returned
 */
export function omegaTrilInverse(a: Float64Array, x: Float64Array, c: number): number {
  return trilError(x, dense.trilInverse(a, c), tril(a, c).map(Math.abs), c);
}

function trilError(x: Float64Array, exact: Float64Array, absT: Float64Array, n: number): number {
  const absX = exact.map(Math.abs);
  const bound = trilMatmul(trilMatmul(absX, absT, n, n), absX, n, n);
  return largest(x.length, (at) => [x[at]! - exact[at]!, bound[at]!]);
}

function largest(count: number, at: (index: number) => readonly [residual: number, bound: number]): number {
  let worst = 0;
  for (let index = 0; index < count; index++) {
    const [residual, bound] = at(index);
    // Math.max keeps NaN. A bound that overflowed proves nothing, so it is NaN too.
    worst = Math.max(worst, ratio(Math.abs(residual), bound));
  }
  return worst;
}

function ratio(residual: number, bound: number): number {
  if (!Number.isFinite(bound)) return NaN;
  return residual === 0 && bound === 0 ? 0 : residual / bound;
}
