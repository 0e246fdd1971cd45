/**
 * Gradients from the dense definition: T̄, the n×n gradient with respect to every entry of T, is formed. A backend's
 * gradients never form it, so the two ways share nothing. Equations (15) to (19).
 *
 * All of it is computed in double-double and rounded to float64 at the end: it judges float64 gradients too, which are
 * sums of products of solutions, with roundings of their own.
 */
import {
  addPairProduct,
  addScaled,
  copyOf,
  exactly,
  rounded,
  scaledPairs,
  zeroPairs,
  type Pairs,
} from "./double-double.js";
import { transpose } from "./matrix.js";
import { initialState, roles } from "./operator.js";
import * as precise from "./precise.js";
import type { ReferenceOperator, ReferenceOptions } from "./types.js";

export interface VjpOptions extends Pick<ReferenceOptions, "trans" | "alpha" | "state"> {
  /** Z̄_f, the cotangent of the final state, r×p. Default 0. */
  readonly finalStateCotangent?: Float64Array | undefined;
}

export interface OperatorGradients {
  /** λ̄, n; given for an operator without Λ too */
  readonly diag: Float64Array;
  /** Q̄, n×r */
  readonly q: Float64Array;
  /** K̄, n×r */
  readonly k: Float64Array;
}

export interface SolveGradients extends OperatorGradients {
  /** B̄, n×p */
  readonly b: Float64Array;
  /** Z̄₀, r×p */
  readonly state: Float64Array;
}

export interface ApplyGradients extends OperatorGradients {
  /** X̄, n×p */
  readonly x: Float64Array;
  /** Z̄₀, r×p */
  readonly state: Float64Array;
}

/** Gradients of y and state = `solve(op, b, p, options)`, for the cotangent Ȳ of y, n×p: equations (16), (17). */
export function solveVjp(
  op: ReferenceOperator,
  b: Float64Array,
  p: number,
  cotangent: Float64Array,
  options: VjpOptions = {},
): SolveGradients {
  const { trans = false, alpha = 1, state, finalStateCotangent } = options;
  const { n, r } = op;
  const { g } = roles(op, trans);
  const { y } = precise.solve(op, exactly(b), p, { trans, state: state && exactly(state) });
  const c = scaledPairs(alpha, exactly(cotangent));
  addPairProduct(c, exactly(g), exactly(initialState(finalStateCotangent, r, p)), [n, r, p]);
  const gB = precise.solve(op, c, p, { trans: !trans }).y;
  return { b: rounded(gB), ...throughBilinear(op, p, scaledPairs(-1, gB), y, options) };
}

/** Gradients of y and state = `apply(op, x, p, options)`, for the cotangent Ȳ of y, n×p: equations (16), (18). */
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
  addPairProduct(gX, exactly(g), exactly(initialState(finalStateCotangent, r, p)), [n, r, p]);
  return { x: rounded(gX), ...throughBilinear(op, p, c, exactly(x), options) };
}

/** Gradients of Y = T⁻¹ for the cotangent Ȳ, n×n, whose strict upper triangle has no effect: equation (19). */
export function inverseVjp(op: ReferenceOperator, cotangent: Float64Array): OperatorGradients {
  const { n } = op;
  const yT = transposePairs(precise.inverse(op), n, n);
  const half = product(scaledPairs(-1, yT), exactly(cotangent), [n, n, n]);
  return throughDefinition(op, product(half, yT, [n, n, n]));
}

/** From T̄ to λ̄, Q̄, K̄: equation (15). */
function throughDefinition(op: ReferenceOperator, gT: Pairs): OperatorGradients {
  const { n, r } = op;
  return roundedGradients(operatorGradients(op, gT, zeroPairs(n * r), zeroPairs(n * r)));
}

type PairGradients = Record<keyof OperatorGradients, Pairs>;

/** Equation (15), added to what gQ and gK hold. */
function operatorGradients(op: ReferenceOperator, gT: Pairs, gQ: Pairs, gK: Pairs): PairGradients {
  const { n, r } = op;
  const [q, k] = [exactly(op.q), exactly(op.k)];
  const diag = zeroPairs(n);
  for (let i = 0; i < n; i++) {
    addScaled(diag, i, [1, 0], gT, i * n + i, 1);
    for (let j = 0; j < i; j++) {
      const entry = [gT.hi[i * n + j]!, gT.lo[i * n + j]!] as const;
      addScaled(gQ, i * r, entry, k, j * r, r);
      addScaled(gK, j * r, entry, q, i * r, r);
    }
  }
  return { diag, q: gQ, k: gK };
}

/** All gradients but the right-hand side's, where that of op(T) is L Rᵀ and L, R are n×p: equation (16). */
function throughBilinear(
  op: ReferenceOperator,
  p: number,
  left: Pairs,
  right: Pairs,
  { trans = false, state, finalStateCotangent }: VjpOptions,
): OperatorGradients & { state: Float64Array } {
  const { n, r } = op;
  const outer = product(left, transposePairs(right, n, p), [n, p, n]);
  const [gF, gG] = [zeroPairs(n * r), zeroPairs(n * r)];
  const [z0, zf] = [state, finalStateCotangent].map((z) => initialState(z, r, p));
  addPairProduct(gF, left, exactly(transpose(z0!, r, p)), [n, p, r]);
  addPairProduct(gG, right, exactly(transpose(zf!, r, p)), [n, p, r]);
  const gT = trans ? transposePairs(outer, n, n) : outer;
  const gradients = operatorGradients(op, gT, trans ? gG : gF, trans ? gF : gG);
  const gState = copyOf(exactly(zf!));
  addPairProduct(gState, exactly(transpose(roles(op, trans).f, n, r)), left, [r, n, p]);
  return { ...roundedGradients(gradients), state: rounded(gState) };
}

function roundedGradients({ diag, q, k }: PairGradients): OperatorGradients {
  return { diag: rounded(diag), q: rounded(q), k: rounded(k) };
}

function product(a: Pairs, b: Pairs, size: readonly [rows: number, inner: number, cols: number]): Pairs {
  const c = zeroPairs(size[0] * size[2]);
  addPairProduct(c, a, b, size);
  return c;
}

function transposePairs({ hi, lo }: Pairs, rows: number, cols: number): Pairs {
  return { hi: transpose(hi, rows, cols), lo: transpose(lo, rows, cols) };
}
