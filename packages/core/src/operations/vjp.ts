import type { Backend } from "../contract/backend.js";
import { describe } from "../contract/describe.js";
import { ValueError } from "../contract/errors.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { checkOptions } from "../contract/options.js";
import type { Tensor } from "../contract/tensor.js";
import { apply } from "./apply.js";
import { backwardSolve, backwardSolveWithState, splitAlpha } from "./backward-solve.js";
import { checkBackend, checkOperator, checkTensor, requireDiag } from "./check.js";
import { checkVjpCall, type VjpOptions } from "./vjp-check.js";
import { copy, operatorGradients, withTargets, type OperatorGradients } from "./vjp-parts.js";

export type { VjpOptions } from "./vjp-check.js";

export interface SolveGradients<T extends Tensor = Tensor> extends OperatorGradients<T> {
  /** [batch, n, p] */
  readonly b: T;
  /** [batch, r, p]; there when `initialState` was given */
  readonly initialState?: T;
}

export interface ApplyGradients<T extends Tensor = Tensor> extends OperatorGradients<T> {
  /** [batch, n, p] */
  readonly x: T;
  /** [batch, r, p]; there when `initialState` was given */
  readonly initialState?: T;
}

export interface InverseGradients<T extends Tensor = Tensor> extends OperatorGradients<T> {}

const optionNames = ["trans", "alpha", "chunk", "initialState", "finalStateCotangent", "out"];

/**
 * Gradients of Y = solve(op, B, options) in O(n r p), by the kernels solve, apply, rowDot, copy and decayVjp alone
 * (reference README, section 7): B̄ = op(T)⁻ᵀ Ȳ, λ̄ = −rowdot(B̄, Y), Q̄ = −(tril(B̄Yᵀ, −1)∘E) K, K̄ = −(tril(B̄Yᵀ, −1)∘E)ᵀ Q,
 * ḡ by (27).
 *
 * @param y what the forward call returned, [batch, n, p]
 * @param cotangent Ȳ, [batch, n, p]
 * @param options those of the forward call; alpha must not be 0, since then y tells nothing. Every gradient is right
 * wherever it can be represented, for the smallest and the largest alpha, as long as y itself was; with a
 * `finalStateCotangent`, as long as B̄ is, too.
 * @returns the tensors of `options.out`, and new ones for the rest
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError, before anything is written
 */
export function solveVjp<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  y: T,
  cotangent: T,
  options: VjpOptions<T, SolveGradients> = {},
): SolveGradients<T> {
  checkOptions("options", options, optionNames);
  checkBackend(backend, "solve");
  const call = checkVjpCall(backend, op, ["y", y], cotangent, options, "b");
  requireDiag(op);
  const { alpha } = call;
  if (alpha === 0) throw new ValueError("alpha", "a non-zero number", describe(options.alpha));
  const { initialState, finalStateCotangent } = options;
  return withTargets(backend, call.dtype, call.out, (targets) => {
    const [power, rest] = splitAlpha(alpha, call.dtype);
    const right = power === 1 ? y : copy(backend, y, 1 / power, false, targets.temporary(y.shape));
    const b = targets.result("b", y.shape);
    const gState = initialState && targets.result("initialState", initialState.shape);
    const backward = { ...call, op, cotangent, b, gState, targets };
    const { left, scale } =
      finalStateCotangent === undefined
        ? backwardSolve(backend, backward, power, rest)
        : backwardSolveWithState(backend, backward, finalStateCotangent);
    const scales = { alpha: -scale / rest, leftScale: rest, rightScale: -1 };
    const others = operatorGradients(backend, op, { ...call, ...scales, left, right, gState, targets });
    return { ...others, b, ...(gState && { initialState: gState }) };
  });
}

/**
 * Gradients of Y = apply(op, X, options) in O(n r p): X̄ = op(T)ᵀ Ȳ, λ̄ = rowdot(Ȳ, X),
 * Q̄ = (tril(ȲXᵀ, −1)∘E) K, K̄ = (tril(ȲXᵀ, −1)∘E)ᵀ Q, ḡ by (27). The gradient of λ is given for an operator without `diag` too.
 *
 * @param x of the forward call, [batch, n, p]
 * @param cotangent Ȳ, [batch, n, p]
 * @returns the tensors of `options.out`, and new ones for the rest
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError, before anything is written
 */
export function applyVjp<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  x: T,
  cotangent: T,
  options: VjpOptions<T, ApplyGradients> = {},
): ApplyGradients<T> {
  checkOptions("options", options, optionNames);
  checkBackend(backend, "apply");
  const call = checkVjpCall(backend, op, ["x", x], cotangent, options, "x");
  const { trans, alpha, chunk } = call;
  const { initialState, finalStateCotangent } = options;
  return withTargets(backend, call.dtype, call.out, (targets) => {
    // Ȳ is scaled beforehand only where the kernel, which applies α last, would scale Z̄_f too.
    const before = finalStateCotangent !== undefined && alpha !== 1;
    const left = before
      ? copy(backend, cotangent, alpha, false, targets.temporary(cotangent.shape))
      : cotangent;
    const after = before ? 1 : alpha;
    const gState = initialState && targets.result("initialState", initialState.shape);
    const finalState = after === 1 ? gState : gState && targets.temporary(gState.shape);
    const gX = targets.result("x", x.shape);
    const how = { trans: !trans, alpha: after, chunk, initialState: finalStateCotangent, finalState };
    apply(backend, op, left, { ...how, out: gX });
    if (gState && finalState && finalState !== gState) copy(backend, finalState, after, false, gState);
    const scales = { alpha: after, leftScale: 1, rightScale: 1 };
    const others = operatorGradients(backend, op, { ...call, ...scales, left, right: x, gState, targets });
    return { ...others, x: gX, ...(gState && { initialState: gState }) };
  });
}

/**
 * Gradients of Y = T⁻¹ in O(n² r): those of solve with B = I. The strict upper triangle of the cotangent has
 * no effect, but must be finite.
 *
 * @param y T⁻¹, [batch, n, n]
 * @param cotangent Ȳ, [batch, n, n]
 * @returns the tensors of `options.out`, and new ones for the rest
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError, before anything is written
 */
export function inverseVjp<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  y: T,
  cotangent: T,
  options: Pick<VjpOptions<T, InverseGradients>, "chunk" | "out"> = {},
): InverseGradients<T> {
  checkOptions("options", options, ["chunk", "out"]);
  checkOptions("out", options.out, ["diag", "q", "k", "decay"]);
  const { batch, n, dtype } = checkOperator(backend, op);
  checkTensor(backend, "y", y, [batch, n, n], dtype);
  const { b, ...gradients } = solveVjp(backend, op, y, cotangent, options);
  b.dispose();
  return gradients;
}
