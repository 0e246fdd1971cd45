/** How `solveVjp` computes B̄ and Z̄₀ without α moving them towards overflow or underflow. */
import type { Backend } from "../contract/backend.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import type { Dtype, Tensor } from "../contract/tensor.js";
import { solve } from "./solve.js";
import { copy, type Targets } from "./vjp-parts.js";

/**
 * α = power · rest with 1 ≤ |rest| < 2, and a power of two that the dtype holds together with its inverse.
 *
 * Both B̄ and y are of size α, and T̄ = −B̄ Yᵀ/α too, but the product B̄ yᵀ is of size α²: beyond float32 from α = 1e±20
 * on. So `solveVjp` works with what α leaves alone: y/power, which is the forward call's own solution up to a factor
 * below 2, and B̄/power likewise that of the backward recursion. Their sums over rows are the states that those two
 * recursions went through without harm, and the kernel's own α, applied last, is −power/rest. Powers of two scale
 * without rounding, so that nothing else changes; for α = 1 nothing is done at all.
 */
export function splitAlpha(alpha: number, dtype: Dtype): readonly [power: number, rest: number] {
  const most = dtype === "f32" ? 126 : 1022;
  const exponent = Math.floor(Math.log2(Math.abs(alpha)));
  const power = 2 ** Math.min(Math.max(exponent, -most), most);
  return [power, alpha / power];
}

interface BackwardCall<T extends Tensor> {
  readonly op: DiagLowRankTril<T>;
  readonly cotangent: T;
  readonly trans: boolean;
  readonly alpha: number;
  readonly chunk: number | undefined;
  /** Receives B̄. */
  readonly b: T;
  /** Receives Z̄₀. */
  readonly gState: T | undefined;
  readonly targets: Targets<T>;
}

/** B̄ is `scale` · `left`. */
interface Backward<T extends Tensor> {
  readonly left: T;
  readonly scale: number;
}

/**
 * Computes B̄ = α op(T)⁻ᵀ Ȳ and Z̄₀ = −Fᵀ B̄. The latter is the final state of that solve, which α does not scale,
 * times −α.
 */
export function backwardSolve<T extends Tensor>(
  backend: Backend<T>,
  { op, cotangent, trans, alpha, chunk, b, gState, targets }: BackwardCall<T>,
  power: number,
  rest: number,
): Backward<T> {
  const left = power === 1 ? b : targets.temporary(b.shape);
  const finalState = gState && targets.temporary(gState.shape);
  solve(backend, op, cotangent, { trans: !trans, alpha: rest, chunk, finalState, out: left });
  if (left !== b) copy(backend, left, power, false, b);
  if (gState && finalState) copy(backend, finalState, -alpha, false, gState);
  return { left, scale: power };
}

/**
 * With X = −B̄ the backward solve carries Z̄ itself: X = op(T)⁻ᵀ(−αȲ − G Z̄_f), Z̄₀ = Z̄_f + Fᵀ X. Only Ȳ is scaled by α,
 * so that B̄ has no factor to take out.
 */
export function backwardSolveWithState<T extends Tensor>(
  backend: Backend<T>,
  { op, cotangent, trans, alpha, chunk, b, gState, targets }: BackwardCall<T>,
  finalStateCotangent: T,
): Backward<T> {
  const rhs = copy(backend, cotangent, -alpha, false, targets.temporary(cotangent.shape));
  const initialState = finalStateCotangent;
  solve(backend, op, rhs, { trans: !trans, alpha: -1, chunk, initialState, finalState: gState, out: b });
  return { left: b, scale: 1 };
}
