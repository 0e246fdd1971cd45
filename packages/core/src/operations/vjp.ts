import type { Backend } from "../contract/backend.js";
import { describe } from "../contract/describe.js";
import { ValueError } from "../contract/errors.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { checkFlag, checkOptions } from "../contract/options.js";
import type { Dtype, Shape, Tensor } from "../contract/tensor.js";
import { checkAliases } from "./aliases.js";
import { apply } from "./apply.js";
import {
  checkAlpha,
  checkBackend,
  checkChunk,
  checkOperator,
  checkReadable,
  checkTensor,
  requireDiag,
} from "./check.js";
import { backwardSolve, backwardSolveWithState, splitAlpha } from "./backward-solve.js";
import { copy, decayGradient, factorGradients, rowDot, withTargets, type Targets } from "./vjp-parts.js";

/** The options of the forward call, what came back through its final state, and where the gradients go. */
export interface VjpOptions<T extends Tensor = Tensor, Out = object> {
  readonly trans?: boolean | undefined;
  readonly alpha?: number | undefined;
  readonly chunk?: number | undefined;
  /** Z₀ of the forward call, [batch, r, p]. Its gradient is then returned too. */
  readonly initialState?: T | undefined;
  /** Cotangent of the forward call's final state, [batch, r, p]; default 0. */
  readonly finalStateCotangent?: T | undefined;
  /** Tensors to write gradients to, by name; default: new ones, the caller's to dispose. */
  readonly out?: { readonly [name in keyof Out]?: T | undefined } | undefined;
}

interface OperatorGradients<T extends Tensor> {
  /** [batch, n, 1] */
  readonly diag: T;
  /** [batch, n, r] */
  readonly q: T;
  /** [batch, n, r] */
  readonly k: T;
  /** As `decay`, [batch, n, 1] or [batch, n, r]; there when the operator has a decay. 0 where g = −∞. */
  readonly decay?: T;
}

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

interface VjpCall<T extends Tensor> {
  readonly dtype: Dtype;
  readonly trans: boolean;
  readonly alpha: number;
  readonly chunk: number | undefined;
  readonly initialState: T | undefined;
  readonly finalStateCotangent: T | undefined;
  readonly out: Readonly<Record<string, T | undefined>>;
}

/** Computes λ̄, Q̄, K̄ and ḡ from L Rᵀ = `alpha` left rightᵀ, by equations (20) and (27). */
function operatorGradients<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  of: Pick<VjpCall<T>, "trans" | "chunk" | "initialState" | "finalStateCotangent"> & {
    readonly left: T;
    readonly right: T;
    readonly alpha: number;
    /** What Z₀ and Z̄_f are multiplied by where left and right meet them. */
    readonly leftScale: number;
    readonly rightScale: number;
    readonly gState: T | undefined;
    readonly targets: Targets<T>;
  },
): OperatorGradients<T> {
  const { left, right, alpha, trans, chunk, initialState, finalStateCotangent, gState, targets } = of;
  const [batch, n, p] = left.shape;
  const r = op.q.shape[2];
  const transposed = (z: T | undefined, by: number): T | undefined =>
    z && copy(backend, z, by, true, targets.temporary([batch, p, r]));
  const q = targets.result("q", op.q.shape);
  const k = targets.result("k", op.k.shape);
  const diag = targets.result("diag", [batch, n, 1]);
  const leftState = transposed(initialState, of.leftScale);
  const rightState = transposed(finalStateCotangent, of.rightScale);
  factorGradients(backend, op, { left, right, trans, alpha, chunk, leftState, rightState }, { q, k });
  rowDot(backend, left, right, alpha, diag);
  const { decay } = op;
  if (decay === undefined) return { diag, q, k };
  const states = initialState && gState && ([initialState, gState] as const);
  return {
    diag,
    q,
    k,
    decay: decayGradient(backend, { ...op, decay }, { q, k }, { trans, states }, targets),
  };
}

/**
 * Checks everything that a gradient must know before it allocates or writes. `result` names the gradient of the
 * right-hand side.
 */
function checkVjpCall<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  [name, primal]: readonly [string, T],
  cotangent: T,
  options: VjpOptions<T>,
  result: "b" | "x",
): VjpCall<T> {
  const { batch, n, r, dtype } = checkOperator(backend, op);
  checkReadable(backend, name, primal);
  const p = primal.shape[2];
  checkTensor(backend, name, primal, [batch, n, p], dtype);
  checkTensor(backend, "cotangent", cotangent, [batch, n, p], dtype);
  const { initialState, finalStateCotangent, chunk } = options;
  const states: [string, T | undefined][] = [
    ["initialState", initialState],
    ["finalStateCotangent", finalStateCotangent],
  ];
  for (const [key, t] of states) if (t !== undefined) checkTensor(backend, key, t, [batch, r, p], dtype);
  checkFlag("trans", options.trans);
  checkChunk(chunk);
  const trans = options.trans ?? false;
  const alpha = checkAlpha(options.alpha, dtype);
  const shapes: Record<string, Shape> = {
    diag: [batch, n, 1],
    q: op.q.shape,
    k: op.k.shape,
    [result]: primal.shape,
    ...(op.decay && { decay: op.decay.shape }),
    ...(initialState && { initialState: initialState.shape }),
  };
  const out = (options.out ?? {}) as Record<string, T | undefined>;
  checkOptions("out", options.out, Object.keys(shapes));
  const written: [string, T][] = [];
  for (const [key, t] of Object.entries(out)) {
    if (t === undefined) continue;
    checkTensor(backend, `out.${key}`, t, shapes[key]!, dtype);
    written.push([`out.${key}`, t]);
  }
  const { diag, q, k, decay } = op;
  const read = Object.entries({
    [name]: primal,
    cotangent,
    diag,
    q,
    k,
    decay,
    initialState,
    finalStateCotangent,
  });
  const all = [...written, ...read];
  checkAliases(
    all.map(([argument]) => argument),
    all.map(([, t]) => t),
    written.length,
  );
  return { dtype, trans, alpha, chunk, initialState, finalStateCotangent, out };
}
