/** One call whose gradients are judged, and what bounds and differences of it share. */
import {
  applyVjp,
  bound,
  inverseVjp,
  matmul,
  recurrent,
  solveVjp,
  transpose,
  type ReferenceOperator,
  type VjpOptions,
} from "@dlrt/core/reference";

export interface VjpCase {
  readonly verb: "solve" | "apply" | "inverse";
  readonly op: ReferenceOperator & { readonly diag: Float64Array };
  /** B or X, n×p; I for inverse */
  readonly rhs: Float64Array;
  readonly p: number;
  /** Ȳ, n×p */
  readonly cotangent: Float64Array;
  readonly options: VjpOptions;
}

export const gradientNames = ["diag", "q", "k", "rhs", "initialState", "decay"] as const;
export type GradientName = (typeof gradientNames)[number];
export type Gradients = Record<GradientName, Float64Array>;

export const abs = (a: Float64Array): Float64Array => a.map(Math.abs);
export const plus = (a: Float64Array, ...others: Float64Array[]): Float64Array =>
  a.map((value, at) => others.reduce((sum, other) => sum + other[at]!, value));

/** Computes the gradients by core's reference, which forms T̄. */
export function referenceGradients(one: VjpCase): Gradients {
  const { op, rhs, p, cotangent, options } = one;
  const none = new Float64Array(0);
  if (one.verb === "inverse")
    return { decay: none, ...inverseVjp(op, cotangent), rhs: none, initialState: none };
  if (one.verb === "apply") {
    const { x, ...others } = applyVjp(op, rhs, p, cotangent, options);
    return { decay: none, ...others, rhs: x };
  }
  const { b, ...others } = solveVjp(op, rhs, p, cotangent, options);
  return { decay: none, ...others, rhs: b };
}

/** Computes Y = op(T)⁻¹(B − F Z₀), and by how much 1 ε of backward error moves it. */
export function solved(
  one: VjpCase,
  rhs: Float64Array,
  trans: boolean,
  state: Float64Array | undefined,
): { y: Float64Array; error: Float64Array } {
  const { op, p } = one;
  const { n } = op;
  const { y } = recurrent.solve(op, rhs, p, { trans, initialState: state });
  const weight = bound(op, y, p, { trans, initialState: state }).y;
  const inverse = abs(recurrent.inverse(op));
  const left = trans ? transpose(inverse, n, n) : inverse;
  return { y, error: matmul(left, plus(weight, abs(rhs)), [n, n, p]) };
}
