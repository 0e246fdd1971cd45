import { apply } from "./apply.js";
import type { Backend } from "./backend.js";
import { backwardSolve, backwardSolveWithState, splitAlpha } from "./backward-solve.js";
import {
  checkAlpha,
  checkBackend,
  checkChunk,
  checkOperator,
  checkReadable,
  checkTensor,
  requireDiag,
} from "./check.js";
import { describe } from "./describe.js";
import { ValueError } from "./errors.js";
import { factorGradients, rowDot, scaled, transposed, withTemporaries } from "./gradient-steps.js";
import type { DiagLowRankTril } from "./operator.js";
import { checkFlag, checkOptions } from "./options.js";
import type { Tensor } from "./tensor.js";

/** The options of the forward call, and what came back through its final state. */
export interface VjpOptions<T extends Tensor = Tensor> {
  readonly trans?: boolean | undefined;
  readonly alpha?: number | undefined;
  readonly chunk?: number | undefined;
  /** Z₀ of the forward call, [batch, r, p]. Its gradient is then returned too. */
  readonly state?: T | undefined;
  /** Cotangent of the forward call's final state, [batch, r, p]; default 0. */
  readonly finalStateCotangent?: T | undefined;
}

interface OperatorGradients<T extends Tensor> {
  /** [batch, n, 1] */
  readonly diag: T;
  /** [batch, n, r] */
  readonly q: T;
  /** [batch, n, r] */
  readonly k: T;
}

export interface SolveGradients<T extends Tensor = Tensor> extends OperatorGradients<T> {
  /** [batch, n, p] */
  readonly b: T;
  /** [batch, r, p]; there when `state` was given */
  readonly state?: T;
}

export interface ApplyGradients<T extends Tensor = Tensor> extends OperatorGradients<T> {
  /** [batch, n, p] */
  readonly x: T;
  /** [batch, r, p]; there when `state` was given */
  readonly state?: T;
}

export interface InverseGradients<T extends Tensor = Tensor> extends OperatorGradients<T> {}

const optionNames = ["trans", "alpha", "chunk", "state", "finalStateCotangent"];

/**
 * Gradients of Y = solve(op, B, options) in O(n r p), by the kernels solve, apply and rowDot alone
 * (reference README, gradients): B̄ = op(T)⁻ᵀ Ȳ, λ̄ = −rowdot(B̄, Y), Q̄ = −tril(B̄Yᵀ, −1) K, K̄ = −tril(B̄Yᵀ, −1)ᵀ Q.
 *
 * @param y what the forward call returned, [batch, n, p]
 * @param cotangent Ȳ, [batch, n, p]
 * @param options those of the forward call; alpha must not be 0, since then y tells nothing. Every gradient is right
 * wherever it can be represented, for the smallest and the largest alpha, as long as y itself was; with a
 * `finalStateCotangent`, as long as B̄ is, too.
 * @returns new tensors for the caller to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function solveVjp<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  y: T,
  cotangent: T,
  options: VjpOptions<T> = {},
): SolveGradients<T> {
  checkOptions("options", options, optionNames);
  checkBackend(backend, "solve");
  const { trans, alpha, chunk } = checkVjpCall(backend, op, ["y", y], cotangent, options);
  const diag = requireDiag(op);
  if (alpha === 0) throw new ValueError("alpha", "a non-zero number", describe(options.alpha));
  const { state, finalStateCotangent } = options;
  const [power, rest] = splitAlpha(alpha, diag.dtype);
  return withTemporaries<T, SolveGradients<T>>((temporary, result) => {
    const primal = power === 1 ? y : temporary(scaled(backend, y, 1 / power));
    const backward = { backend, op: { diag, q: op.q, k: op.k }, cotangent, trans, chunk, temporary, result };
    const { scale, unscaled, b, gState } =
      finalStateCotangent === undefined
        ? backwardSolve(backward, power, rest, state)
        : backwardSolveWithState(backward, alpha, finalStateCotangent, state);
    const factors = factorGradients(backend, op, unscaled, primal, {
      trans,
      alpha: -scale / rest,
      chunk,
      leftState: state && temporary(transposed(backend, state, rest)),
      rightState: finalStateCotangent && temporary(transposed(backend, finalStateCotangent, -1)),
    });
    result(factors.q, factors.k);
    const gDiag = result(rowDot(backend, unscaled, primal, -scale / rest));
    return { diag: gDiag, ...factors, b, ...(gState && { state: gState }) };
  });
}

/**
 * Gradients of Y = apply(op, X, options) in O(n r p): X̄ = op(T)ᵀ Ȳ, λ̄ = rowdot(Ȳ, X),
 * Q̄ = tril(ȲXᵀ, −1) K, K̄ = tril(ȲXᵀ, −1)ᵀ Q. The gradient of λ is given for an operator without `diag` too.
 *
 * @param x of the forward call, [batch, n, p]
 * @param cotangent Ȳ, [batch, n, p]
 * @returns new tensors for the caller to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function applyVjp<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  x: T,
  cotangent: T,
  options: VjpOptions<T> = {},
): ApplyGradients<T> {
  checkOptions("options", options, optionNames);
  checkBackend(backend, "apply");
  const { trans, alpha, chunk } = checkVjpCall(backend, op, ["x", x], cotangent, options);
  const { state, finalStateCotangent } = options;
  return withTemporaries<T, ApplyGradients<T>>((temporary, result) => {
    // Ȳ is scaled beforehand only where the kernel's α, applied last, would scale Z̄_f along.
    const scale = finalStateCotangent !== undefined && alpha !== 1;
    const left = scale ? temporary(scaled(backend, cotangent, alpha)) : cotangent;
    const leftAlpha = scale ? 1 : alpha;
    const finalState = state && backend.empty(state.shape, state.dtype);
    if (finalState) (leftAlpha === 1 ? result : temporary)(finalState);
    const gX = result(
      apply(backend, op, left, {
        trans: !trans,
        alpha: leftAlpha,
        chunk,
        state: finalStateCotangent,
        finalState,
      }),
    );
    const gState =
      finalState && (leftAlpha === 1 ? finalState : result(scaled(backend, finalState, leftAlpha)));
    const factors = factorGradients(backend, op, left, x, {
      trans,
      alpha: leftAlpha,
      chunk,
      leftState: state && temporary(transposed(backend, state, 1)),
      rightState: finalStateCotangent && temporary(transposed(backend, finalStateCotangent, 1)),
    });
    result(factors.q, factors.k);
    const gDiag = result(rowDot(backend, left, x, leftAlpha));
    return { diag: gDiag, ...factors, x: gX, ...(gState && { state: gState }) };
  });
}

/**
 * Gradients of Y = T⁻¹ in O(n² r): those of solve with B = I. The strict upper triangle of the cotangent has
 * no effect, but must be finite.
 *
 * @param y T⁻¹, [batch, n, n]
 * @param cotangent Ȳ, [batch, n, n]
 * @returns new tensors for the caller to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function inverseVjp<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  y: T,
  cotangent: T,
  options: Pick<VjpOptions<T>, "chunk"> = {},
): InverseGradients<T> {
  checkOptions("options", options, ["chunk"]);
  checkBackend(backend, "solve");
  const { batch, n, dtype } = checkOperator(backend, op);
  checkTensor(backend, "y", y, [batch, n, n], dtype);
  const { b, ...gradients } = solveVjp(backend, op, y, cotangent, { chunk: options.chunk });
  b.dispose();
  return gradients;
}

function checkVjpCall<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  [name, primal]: readonly [string, T],
  cotangent: T,
  options: VjpOptions<T>,
): { trans: boolean; alpha: number; chunk: number | undefined } {
  const { batch, n, r, dtype } = checkOperator(backend, op);
  checkReadable(backend, name, primal);
  const p = primal.shape[2];
  checkTensor(backend, name, primal, [batch, n, p], dtype);
  checkTensor(backend, "cotangent", cotangent, [batch, n, p], dtype);
  for (const key of ["state", "finalStateCotangent"] as const) {
    const t = options[key];
    if (t !== undefined) checkTensor(backend, key, t, [batch, r, p], dtype);
  }
  checkFlag("trans", options.trans);
  checkChunk(options.chunk);
  return { trans: options.trans ?? false, alpha: checkAlpha(options.alpha, dtype), chunk: options.chunk };
}
