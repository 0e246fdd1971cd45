import type { Backend } from "../contract/backend.js";
import { describe } from "../contract/describe.js";
import { ValueError } from "../contract/errors.js";
import type { DiagLowRankTril } from "../contract/operator.js";
import { checkFlag, checkOptions } from "../contract/options.js";
import type { Dtype, Shape, Tensor } from "../contract/tensor.js";
import { checkAliases, type Named } from "./aliases.js";
import { apply } from "./apply.js";
import {
  checkAlpha,
  checkBackend,
  checkChunk,
  checkOperator,
  checkReadable,
  checkTensor,
  operandsOf,
  requireDiag,
} from "./check.js";
import { solve } from "./solve.js";
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
 * @param options those of the forward call; alpha must not be 0, since then y tells nothing
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
  requireDiag(op);
  const call = checkVjpCall(backend, op, ["y", y], cotangent, options, "b");
  const { trans, alpha, chunk } = call;
  if (alpha === 0) throw new ValueError("alpha", "a non-zero number", describe(options.alpha));
  const { initialState, finalStateCotangent } = options;
  return withTargets(backend, call.dtype, call.out, (targets) => {
    const stateful = initialState !== undefined || finalStateCotangent !== undefined;
    const scaled = (x: T, by: number): T => copy(backend, x, by, false, targets.temporary(x.shape));
    const gState = initialState && targets.result("initialState", initialState.shape);
    const b = targets.result("b", y.shape);
    // Without states α stays out of all but B̄ = α B̄₁: L Rᵀ = −(α B̄₁)(y/α)ᵀ. With them −B̄ itself is the solution that
    // carries Z̄: −B̄ = op(T)⁻ᵀ(−αȲ − G Z̄_f), Z̄₀ = Z̄_f + Fᵀ(−B̄).
    const left = stateful || alpha === 1 ? b : targets.temporary(y.shape);
    const right = stateful && alpha !== 1 ? scaled(y, 1 / alpha) : y;
    solve(backend, op, stateful ? scaled(cotangent, -alpha) : cotangent, {
      trans: !trans,
      alpha: stateful ? -1 : 1,
      chunk,
      initialState: finalStateCotangent,
      finalState: gState,
      out: left,
    });
    if (left !== b) copy(backend, left, alpha, false, b);
    const rest = operatorGradients(backend, op, { ...call, left, right, sign: -1, gState, targets });
    return { ...rest, b, ...(gState && { initialState: gState }) };
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
    const left =
      alpha === 1 ? cotangent : copy(backend, cotangent, alpha, false, targets.temporary(cotangent.shape));
    const gState = initialState && targets.result("initialState", initialState.shape);
    const gX = targets.result("x", x.shape);
    apply(backend, op, left, {
      trans: !trans,
      chunk,
      initialState: finalStateCotangent,
      finalState: gState,
      out: gX,
    });
    const rest = operatorGradients(backend, op, { ...call, left, right: x, sign: 1, gState, targets });
    return { ...rest, x: gX, ...(gState && { initialState: gState }) };
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

/** λ̄, Q̄, K̄ and ḡ from L = `sign`·left and R = right: (20), (27). */
function operatorGradients<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  of: Pick<VjpCall<T>, "trans" | "chunk" | "initialState" | "finalStateCotangent"> & {
    readonly left: T;
    readonly right: T;
    readonly sign: 1 | -1;
    readonly gState: T | undefined;
    readonly targets: Targets<T>;
  },
): OperatorGradients<T> {
  const { left, right, sign, trans, chunk, initialState, finalStateCotangent, gState, targets } = of;
  const [batch, n, p] = left.shape;
  const r = op.q.shape[2];
  const transposed = (z: T | undefined, by: number): T | undefined =>
    z && copy(backend, z, by, true, targets.temporary([batch, p, r]));
  const q = targets.result("q", op.q.shape);
  const k = targets.result("k", op.k.shape);
  const diag = targets.result("diag", [batch, n, 1]);
  const leftState = transposed(initialState, 1);
  const rightState = transposed(finalStateCotangent, sign);
  factorGradients(backend, op, { left, right, trans, alpha: sign, chunk, leftState, rightState }, { q, k });
  rowDot(backend, left, right, sign, diag);
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

/** Everything a gradient must know before it allocates or writes. `result`: the name of the right-hand side's gradient. */
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
  const states: Named[] = [
    ["initialState", initialState],
    ["finalStateCotangent", finalStateCotangent],
  ];
  for (const [key, t] of states) if (t !== undefined) checkTensor(backend, key, t as T, [batch, r, p], dtype);
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
  const written: Named[] = [];
  for (const [key, t] of Object.entries(out)) {
    if (t === undefined) continue;
    checkTensor(backend, `out.${key}`, t, shapes[key]!, dtype);
    written.push([`out.${key}`, t]);
  }
  checkAliases(written, [[name, primal], ["cotangent", cotangent], ...operandsOf(op), ...states]);
  return { dtype, trans, alpha, chunk, initialState, finalStateCotangent, out };
}
