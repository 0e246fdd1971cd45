/**
 * Gradients from the dense definition: T̄, the n×n gradient with respect to every entry of T, is formed. A backend's
 * gradients never form it, so the two ways share nothing. Equations (15) to (19).
 */
import * as dense from "./dense.js";
import { addProduct, matmul, scaled, transpose } from "./matrix.js";
import { initialState, roles } from "./operator.js";
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
  const y = dense.solve(op, b, p, { trans, state }).y;
  const c = scaled(alpha, cotangent);
  addProduct(c, 1, g, initialState(finalStateCotangent, r, p), [n, r, p]);
  const gB = dense.solve(op, c, p, { trans: !trans }).y;
  return { b: gB, ...throughBilinear(op, p, scaled(-1, gB), y, options) };
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
  const c = scaled(alpha, cotangent);
  const gX = dense.apply(op, c, p, { trans: !trans }).y;
  addProduct(gX, 1, g, initialState(finalStateCotangent, r, p), [n, r, p]);
  return { x: gX, ...throughBilinear(op, p, c, x, options) };
}

/** Gradients of Y = T⁻¹ for the cotangent Ȳ, n×n, whose strict upper triangle has no effect: equation (19). */
export function inverseVjp(op: ReferenceOperator, cotangent: Float64Array): OperatorGradients {
  const { n } = op;
  const yT = transpose(dense.inverse(op), n, n);
  const gT = scaled(-1, matmul(matmul(yT, cotangent, [n, n, n]), yT, [n, n, n]));
  return throughDefinition(op, gT);
}

/** From T̄ to λ̄, Q̄, K̄: equation (15). */
function throughDefinition(op: ReferenceOperator, gT: Float64Array): OperatorGradients {
  const { n, r, q, k } = op;
  const diag = new Float64Array(n);
  const gQ = new Float64Array(n * r);
  const gK = new Float64Array(n * r);
  for (let i = 0; i < n; i++) {
    diag[i] = gT[i * n + i]!;
    for (let j = 0; j < i; j++) {
      for (let m = 0; m < r; m++) {
        gQ[i * r + m]! += gT[i * n + j]! * k[j * r + m]!;
        gK[j * r + m]! += gT[i * n + j]! * q[i * r + m]!;
      }
    }
  }
  return { diag, q: gQ, k: gK };
}

/** All gradients but the right-hand side's, where that of op(T) is L Rᵀ and L, R are n×p: equation (16). */
function throughBilinear(
  op: ReferenceOperator,
  p: number,
  left: Float64Array,
  right: Float64Array,
  { trans = false, state, finalStateCotangent }: VjpOptions,
): OperatorGradients & { state: Float64Array } {
  const { n, r } = op;
  const product = matmul(left, transpose(right, n, p), [n, p, n]);
  const { diag, q, k } = throughDefinition(op, trans ? transpose(product, n, n) : product);
  const [gF, gG] = trans ? [k, q] : [q, k];
  addProduct(gF, 1, left, transpose(initialState(state, r, p), r, p), [n, p, r]);
  addProduct(gG, 1, right, transpose(initialState(finalStateCotangent, r, p), r, p), [n, p, r]);
  const gState = initialState(finalStateCotangent, r, p);
  addProduct(gState, 1, transpose(roles(op, trans).f, n, r), left, [r, n, p]);
  return { diag, q, k, state: gState };
}
