import { apply } from "./apply.js";
import type { Backend } from "./backend.js";
import { checkAlpha, checkBackend, checkOperator, checkReadable, checkTensor, requireDiag } from "./check.js";
import { identityView } from "./derived.js";
import { describe } from "./describe.js";
import { writeTo } from "./dispatch.js";
import { ValueError } from "./errors.js";
import type { DiagLowRankTril } from "./operator.js";
import { checkFlag, checkOptions } from "./options.js";
import { solve } from "./solve.js";
import { newFloatArray, type Shape, type Tensor } from "./tensor.js";

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
 * @param options those of the forward call; alpha must not be 0, since then y tells nothing
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
  const diag = requireDiag(op);
  const { trans, alpha, chunk } = checkVjpCall(backend, op, ["y", y], cotangent, options);
  if (alpha === 0) throw new ValueError("alpha", "a non-zero number", describe(options.alpha));
  const { state, finalStateCotangent } = options;
  return withTemporaries<T, SolveGradients<T>>((temporary, result) => {
    // With X = −B̄ the backward solve carries Z̄ itself: X = op(T)⁻ᵀ(−αȲ − G Z̄_f), Z̄₀ = Z̄_f + Fᵀ X.
    const stateful = state !== undefined || finalStateCotangent !== undefined;
    const rhs = stateful ? temporary(scaled(backend, cotangent, -alpha)) : cotangent;
    const gState = state && result(backend.empty(state.shape, state.dtype));
    const b = result(
      solve(backend, { diag, q: op.q, k: op.k }, rhs, {
        trans: !trans,
        alpha: stateful ? -1 : alpha,
        chunk,
        state: finalStateCotangent,
        finalState: gState,
      }),
    );
    const factors = factorGradients(backend, op, b, y, {
      trans,
      alpha: -1 / alpha,
      chunk,
      leftState: state && temporary(transposed(backend, state, alpha)),
      rightState: finalStateCotangent && temporary(transposed(backend, finalStateCotangent, -1)),
    });
    result(factors.q, factors.k);
    const gDiag = result(rowDot(backend, b, y, -1 / alpha));
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
    const stateful = state !== undefined || finalStateCotangent !== undefined;
    const scale = stateful && alpha !== 1;
    const left = scale ? temporary(scaled(backend, cotangent, alpha)) : cotangent;
    const leftAlpha = scale ? 1 : alpha;
    const gState = state && result(backend.empty(state.shape, state.dtype));
    const gX = result(
      apply(backend, op, left, {
        trans: !trans,
        alpha: leftAlpha,
        chunk,
        state: finalStateCotangent,
        finalState: gState,
      }),
    );
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
  checkReadable(backend, "q", op.q);
  const [batch, n] = op.q.shape;
  checkTensor(backend, "y", y, [batch, n, n], op.q.dtype);
  const { b, ...gradients } = solveVjp(backend, op, y, cotangent, { chunk: options.chunk });
  b.dispose();
  return gradients;
}

/**
 * The gradients of Q and K where T̄ = α tril(L Rᵀ, −1) (its transpose's triu when `trans`): `apply` on an
 * operator without Λ whose rank is p. The states are what flows in across the ends of the sequence.
 */
function factorGradients<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  left: T,
  right: T,
  call: {
    trans: boolean;
    alpha: number;
    chunk: number | undefined;
    leftState: T | undefined;
    rightState: T | undefined;
  },
): { q: T; k: T } {
  const { trans, alpha, chunk, leftState, rightState } = call;
  const outer = trans ? { q: right, k: left } : { q: left, k: right };
  const q = apply(backend, outer, op.k, { alpha, chunk, state: trans ? rightState : leftState });
  try {
    const k = apply(backend, outer, op.q, {
      trans: true,
      alpha,
      chunk,
      state: trans ? leftState : rightState,
    });
    return { q, k };
  } catch (error) {
    q.dispose();
    throw error;
  }
}

function rowDot<T extends Tensor>(backend: Backend<T>, x: T, y: T, alpha: number): T {
  checkBackend(backend, "rowDot");
  const [batch, n, p] = x.shape;
  return writeTo(backend, undefined, [batch, n, 1], x.dtype, (out) =>
    backend.kernels.rowDot({ batch, n, p, alpha, x, y, out }),
  );
}

/** s·X: `apply` on s·I, an operator of rank 0. */
function scaled<T extends Tensor>(backend: Backend<T>, x: T, s: number): T {
  const [batch, n] = x.shape;
  return withTemporaries<T, T>((temporary) => {
    const ones = newFloatArray(x.dtype, 1).fill(1);
    const diag = temporary(backend.upload({ data: ones, shape: [batch, n, 1], strides: [0, 0, 0] }));
    const none = temporary(backend.empty([batch, n, 0], x.dtype));
    return apply(backend, { diag, q: none, k: none }, x, { alpha: s });
  });
}

/** s·Zᵀ: the final state Kᵀ X of `apply` for K = Z, X = s·I. O(r² p), beside O(n r p). */
function transposed<T extends Tensor>(backend: Backend<T>, z: T, s: number): T {
  const [batch, r, p] = z.shape;
  const shape: Shape = [batch, p, r];
  return withTemporaries<T, T>((temporary, result) => {
    const identity = temporary(backend.upload(identityView(batch, r, z.dtype, s)));
    const finalState = result(backend.empty(shape, z.dtype));
    temporary(apply(backend, { q: z, k: z }, identity, { finalState }));
    return finalState;
  });
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
  return { trans: options.trans ?? false, alpha: checkAlpha(options.alpha, dtype), chunk: options.chunk };
}

/** Runs `body`; disposes its temporaries in any case, and its results too if it throws. */
function withTemporaries<T extends Tensor, R>(
  body: (temporary: (t: T) => T, result: (...t: T[]) => T) => R,
): R {
  const temporaries: T[] = [];
  const results: T[] = [];
  try {
    return body(
      (t) => {
        temporaries.push(t);
        return t;
      },
      (...t) => {
        results.push(...t);
        return t[0]!;
      },
    );
  } catch (error) {
    temporaries.push(...results);
    throw error;
  } finally {
    for (const t of temporaries) t.dispose();
  }
}
