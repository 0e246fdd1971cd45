/**
 * The measures every backend is held to; gate.ts has the limits. Each is a largest |residual| / bound over all
 * elements, with 0/0 = 0, and NaN or ∞ as soon as something is not finite: test `omega(…) <= limit`, which NaN fails.
 * Equations (21) to (25).
 *
 * A judge has to be more exact than what it judges, or it refuses right answers for its own roundings. Residuals of
 * float64 results are therefore computed in double-double, those of float32 results in float64. The bounds are sums
 * of positive numbers, for which float64 is always enough.
 */
import type { Dtype, FloatArray } from "../contract/tensor.js";
import { absoluteMatrix, bound as boundOf } from "./bound.js";
import * as dense from "./dense.js";
import { decaySteps } from "./double-double-exp.js";
import { addScaled, divide, exactly, scaledPairs, zeroPairs, type Pairs } from "./double-double.js";
import { scaled, tril, trilMatmul } from "./matrix.js";
import { startingState, roles } from "./operator.js";
import * as precise from "./precise.js";
import * as recurrent from "./recurrent.js";
import type { ReferenceOperator, ReferenceOptions } from "./types.js";

export interface Judged {
  /** What the judged result was computed in. Default "f64", which costs twenty times as much to judge as "f32". */
  readonly dtype?: Dtype | undefined;
}

type CallOptions = Pick<ReferenceOptions, "trans" | "alpha" | "initialState"> & Judged;

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
  { trans, alpha = 1, initialState, dtype }: CallOptions = {},
): number {
  const bound = boundOf(op, y, p, { trans, initialState: initialState && scaled(alpha, initialState) }).y;
  const allowed = (at: number): number => bound[at]! + Math.abs(alpha * b[at]!) + floorOf(dtype);
  if (dtype === "f32") {
    const ty = recurrent.apply(op, y, p, {
      trans,
      initialState: initialState && scaled(alpha, initialState),
    }).y;
    return largest(y.length, (at) => [alpha * b[at]! - ty[at]!, allowed(at)]);
  }
  const { y: ty } = precise.apply(op, exactly(y), p, {
    trans,
    initialState: initialState && scaledPairs(alpha, exactly(initialState)),
  });
  addScaled(ty, 0, [-alpha, 0], exactly(b), 0, y.length);
  return largest(y.length, (at) => [ty.hi[at]! + ty.lo[at]!, allowed(at)]);
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
  { trans, alpha = 1, initialState, dtype }: CallOptions = {},
): number {
  const bound = withFloor(scaled(Math.abs(alpha), boundOf(op, x, p, { trans, initialState }).y), dtype);
  if (dtype === "f32") {
    const exact = recurrent.apply(op, x, p, { trans, alpha, initialState }).y;
    return largest(exact.length, (at) => [y[at]! - exact[at]!, bound[at]!]);
  }
  const { y: product } = precise.apply(op, exactly(x), p, {
    trans,
    initialState: initialState && exactly(initialState),
  });
  return largestError(y, scaledPairs(alpha, product), bound);
}

/**
 * Componentwise error of z as the final state Z₀ + Gᵀ x: equation (23).
 * @param z r×p, what was returned
 * @param x n×p: the `x` of apply, or what solve returned
 * @param options `xScale`: x is so many times what the state took up. solve's `alpha`, where x is its output. Default 1
 */
export function omegaState(
  op: ReferenceOperator,
  z: Float64Array,
  x: Float64Array,
  p: number,
  {
    trans,
    initialState,
    xScale = 1,
    dtype,
  }: Pick<ReferenceOptions, "trans" | "initialState"> & Judged & { readonly xScale?: number } = {},
): number {
  const { n, r } = op;
  const { g } = roles(op, trans ?? false);
  const carried = exactly(x.slice());
  if (xScale !== 1) divide(carried, 0, xScale, n * p);
  const bound = withFloor(boundOf(op, carried.hi, p, { trans, initialState }).finalState, dtype);
  // Always in double-double, float32 results too: a long sum of small terms on a large Z₀ needs it.
  const exact = exactly(startingState(initialState, r, p));
  const decay = decaySteps(op, p);
  for (let step = 0; step < n; step++) {
    const i = trans ? n - 1 - step : step;
    if (!trans) decay(exact, i);
    for (let m = 0; m < r; m++) addScaled(exact, m * p, [g[i * r + m]!, 0], carried, i * p, p);
    if (trans) decay(exact, i);
  }
  return largestError(z, exact, bound);
}

/**
 * Componentwise error of x as T⁻¹ beside |X| |T| |X|, where |T| stands for |Λ| + tril(|Q||K|ᵀ, −1): equation (24).
 * O(n³). Nothing but 0 passes above the diagonal.
 * @param x n×n, what was returned
 */
export function omegaInverse(op: ReferenceOperator, x: Float64Array, { dtype }: Judged = {}): number {
  const exact = dtype === "f32" ? exactly(recurrent.inverse(op)) : precise.inverse(op);
  return trilError(x, exact, absoluteMatrix(op), op.n);
}

/**
 * Componentwise error of x as A⁻¹ beside |X| |A| |X|, for a lower triangular block: equation (25). O(c³). Nothing
 * but 0 passes above the diagonal.
 * @param a c×c; its strict upper triangle is not read
 * @param x c×c, what was returned
 */
export function omegaTrilInverse(
  a: Float64Array,
  x: Float64Array,
  c: number,
  { dtype }: Judged = {},
): number {
  const exact = dtype === "f32" ? exactly(dense.trilInverse(a, c)) : precise.trilInverse(a, c);
  return trilError(x, exact, tril(a, c).map(Math.abs), c);
}

/**
 * Largest |out − α x·y| / (|α| |x|·|y|) over rows of p columns; what `rowDot` is held to.
 * @param x rows×p @param y rows×p @param out rows, what was returned
 */
export function omegaRowDot(x: FloatArray, y: FloatArray, out: FloatArray, p: number, alpha: number): number {
  const dtype = out instanceof Float32Array ? "f32" : "f64";
  const [left, right] = [x, y].map((a) => exactly(Float64Array.from(a)));
  const dots = zeroPairs(out.length);
  const bound = new Float64Array(out.length);
  for (let i = 0; i < out.length; i++) {
    for (let at = i * p; at < (i + 1) * p; at++) {
      addScaled(dots, i, [left!.hi[at]!, 0], right!, at, 1);
      bound[i]! += Math.abs(x[at]! * y[at]!);
    }
  }
  return largestError(
    Float64Array.from(out),
    scaledPairs(alpha, dots),
    withFloor(scaled(Math.abs(alpha), bound), dtype),
  );
}

/**
 * What a bound has beside (21) to (23), so that an error of the dtype's smallest normal number counts one ε: products that
 * underflow lose that much, rounded to a subnormal number or flushed to 0, however large their factors are.
 */
function floorOf(dtype: Dtype = "f64"): number {
  return dtype === "f32" ? 2 ** (-126 + 24) : 2 ** (-1022 + 53);
}

function withFloor(bound: Float64Array, dtype: Dtype | undefined): Float64Array {
  const floor = floorOf(dtype);
  return bound.map((value) => value + floor);
}

function trilError(x: Float64Array, exact: Pairs, absT: Float64Array, n: number): number {
  const absX = exact.hi.map(Math.abs);
  const bound = trilMatmul(trilMatmul(absX, absT, n, n), absX, n, n);
  return largestError(x, exact, bound);
}

function largestError(x: Float64Array, { hi, lo }: Pairs, bound: Float64Array): number {
  return largest(x.length, (at) => [x[at]! - hi[at]! - lo[at]!, bound[at]!]);
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
