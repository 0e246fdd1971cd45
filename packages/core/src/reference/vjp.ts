/**
 * Gradients from the dense definition: T̄, the n×n gradient with respect to every entry of T, is formed. A backend's
 * gradients never form it, so the two ways share nothing. Equations (15) to (19).
 *
 * All of it is computed in double-double and rounded to float64 at the end: it judges float64 gradients too, which are
 * sums of products of solutions, with roundings of their own.
 */
import {
  addPairProduct,
  exactly,
  multiplyEach,
  rounded,
  scaledPairs,
  zeroPairs,
  type Pairs,
} from "./double-double.js";
import { transpose } from "./matrix.js";
import { startingState, roles } from "./operator.js";
import * as precise from "./precise.js";
import type { ReferenceOperator, ReferenceOptions } from "./types.js";
import {
  addThroughDefinition,
  roundedGradients,
  throughDefinition,
  type OperatorGradients,
} from "./vjp-definition.js";
import { across, addAcross } from "./vjp-states.js";

export type { OperatorGradients } from "./vjp-definition.js";

export interface VjpOptions extends Pick<ReferenceOptions, "trans" | "alpha" | "initialState"> {
  /** Z̄_f, the cotangent of the final state, r×p. Default 0. */
  readonly finalStateCotangent?: Float64Array | undefined;
}

export interface SolveGradients extends OperatorGradients {
  /** B̄, n×p */
  readonly b: Float64Array;
  /** Z̄₀, r×p */
  readonly initialState: Float64Array;
}

export interface ApplyGradients extends OperatorGradients {
  /** X̄, n×p */
  readonly x: Float64Array;
  /** Z̄₀, r×p */
  readonly initialState: Float64Array;
}

/** Gradients of y and finalState = `solve(op, b, p, options)`, for the cotangent Ȳ of y, n×p: equations (16), (17). */
export function solveVjp(
  op: ReferenceOperator,
  b: Float64Array,
  p: number,
  cotangent: Float64Array,
  options: VjpOptions = {},
): SolveGradients {
  const { trans = false, alpha = 1, initialState, finalStateCotangent } = options;
  const { n, r } = op;
  const { g } = roles(op, trans);
  const { y } = precise.solve(op, exactly(b), p, {
    trans,
    initialState: initialState && exactly(initialState),
  });
  const c = scaledPairs(alpha, exactly(cotangent));
  addPairProduct(c, across(op, trans).write(g), exactly(startingState(finalStateCotangent, r, p)), [n, r, p]);
  const gB = precise.solve(op, c, p, { trans: !trans }).y;
  return { b: rounded(gB), ...throughBilinear(op, p, scaledPairs(-1, gB), y, options) };
}

/** Gradients of y and finalState = `apply(op, x, p, options)`, for the cotangent Ȳ of y, n×p: equations (16), (18). */
export function applyVjp(
  op: ReferenceOperator,
  x: Float64Array,
  p: number,
  cotangent: Float64Array,
  options: VjpOptions = {},
): ApplyGradients {
  const { trans = false, alpha = 1, finalStateCotangent } = options;
  const { n, r } = op;
  const { g } = roles(op, trans);
  const c = scaledPairs(alpha, exactly(cotangent));
  const gX = precise.apply(op, c, p, { trans: !trans }).y;
  addPairProduct(gX, across(op, trans).write(g), exactly(startingState(finalStateCotangent, r, p)), [
    n,
    r,
    p,
  ]);
  return { x: rounded(gX), ...throughBilinear(op, p, c, exactly(x), options) };
}

/** Gradients of Y = T⁻¹ for the cotangent Ȳ, n×n, whose strict upper triangle has no effect: equation (19). */
export function inverseVjp(op: ReferenceOperator, cotangent: Float64Array): OperatorGradients {
  const { n } = op;
  const yT = transposePairs(precise.inverse(op), n, n);
  const half = product(scaledPairs(-1, yT), exactly(cotangent), [n, n, n]);
  return throughDefinition(op, product(half, yT, [n, n, n]));
}

/** Computes all gradients but that of the right-hand side, where the gradient of op(T) is L Rᵀ with L and R n×p: equation (16). */
function throughBilinear(
  op: ReferenceOperator,
  p: number,
  left: Pairs,
  right: Pairs,
  { trans = false, initialState, finalStateCotangent }: VjpOptions,
): OperatorGradients & { initialState: Float64Array } {
  const { n, r } = op;
  const { f, g } = roles(op, trans);
  const { read, write, through } = across(op, trans);
  const [z0, zf] = [initialState, finalStateCotangent].map((z) => startingState(z, r, p));
  const [gF, gG] = [zeroPairs(n * r), zeroPairs(n * r)];
  addPairProduct(gF, left, exactly(transpose(z0!, r, p)), [n, p, r]);
  addPairProduct(gG, right, exactly(transpose(zf!, r, p)), [n, p, r]);
  multiplyEach(gF, 0, read(new Float64Array(n * r).fill(1)), 0, n * r);
  multiplyEach(gG, 0, write(new Float64Array(n * r).fill(1)), 0, n * r);
  const gaps = zeroPairs(n * r);
  if (op.decay) addAcross(gaps, op, trans, [gF, exactly(f)], [gG, exactly(g)], through(z0!, p), exactly(zf!));
  const into = { diag: zeroPairs(n), q: trans ? gG : gF, k: trans ? gF : gG, gaps };
  const outer = product(left, transposePairs(right, n, p), [n, p, n]);
  addThroughDefinition(op, trans ? transposePairs(outer, n, n) : outer, into);
  const gState = through(zf!, p);
  addPairProduct(gState, transposePairs(read(f), n, r), left, [r, n, p]);
  return { ...roundedGradients(op, into), initialState: rounded(gState) };
}

function product(a: Pairs, b: Pairs, size: readonly [rows: number, inner: number, cols: number]): Pairs {
  const c = zeroPairs(size[0] * size[2]);
  addPairProduct(c, a, b, size);
  return c;
}

function transposePairs({ hi, lo }: Pairs, rows: number, cols: number): Pairs {
  return { hi: transpose(hi, rows, cols), lo: transpose(lo, rows, cols) };
}
