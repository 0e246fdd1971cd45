/** How `solveVjp` finds B̄ and Z̄₀, in a range that α does not shift. */
import type { Backend } from "./backend.js";
import { scaled } from "./gradient-steps.js";
import { solve } from "./solve.js";
import type { Dtype, Tensor } from "./tensor.js";

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
  readonly backend: Backend<T>;
  readonly op: { readonly diag: T; readonly q: T; readonly k: T };
  readonly cotangent: T;
  readonly trans: boolean;
  readonly chunk: number | undefined;
  temporary(t: T): T;
  result(...t: T[]): T;
}

/** B̄ is `scale` · `unscaled`, and Z̄₀. */
interface Backward<T extends Tensor> {
  readonly scale: number;
  readonly unscaled: T;
  readonly b: T;
  readonly gState: T | undefined;
}

/** B̄ = α op(T)⁻ᵀ Ȳ and Z̄₀ = −Fᵀ B̄: the final state of that solve, which α does not scale, times −α. */
export function backwardSolve<T extends Tensor>(
  { backend, op, cotangent, trans, chunk, temporary, result }: BackwardCall<T>,
  power: number,
  rest: number,
  state: T | undefined,
): Backward<T> {
  const finalState = state && temporary(backend.empty(state.shape, state.dtype));
  const solution = solve(backend, op, cotangent, { trans: !trans, alpha: rest, chunk, finalState });
  const unscaled = power === 1 ? result(solution) : temporary(solution);
  const b = power === 1 ? unscaled : result(scaled(backend, unscaled, power));
  const gState = finalState && result(scaled(backend, finalState, -power * rest));
  return { scale: power, unscaled, b, gState };
}

/**
 * With X = −B̄ the backward solve carries Z̄ itself: X = op(T)⁻ᵀ(−αȲ − G Z̄_f), Z̄₀ = Z̄_f + Fᵀ X. Only Ȳ is scaled by α,
 * so that B̄ has no factor to take out.
 */
export function backwardSolveWithState<T extends Tensor>(
  { backend, op, cotangent, trans, chunk, temporary, result }: BackwardCall<T>,
  alpha: number,
  finalStateCotangent: T,
  state: T | undefined,
): Backward<T> {
  const rhs = temporary(scaled(backend, cotangent, -alpha));
  const gState = state && result(backend.empty(state.shape, state.dtype));
  const b = result(
    solve(backend, op, rhs, {
      trans: !trans,
      alpha: -1,
      chunk,
      state: finalStateCotangent,
      finalState: gState,
    }),
  );
  return { scale: 1, unscaled: b, b, gState };
}
