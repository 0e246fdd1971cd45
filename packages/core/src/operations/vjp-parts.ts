/** What the gradients of solve and apply are made of (reference README, section 7). */
import type { Backend, KernelName } from "../contract/backend.js";
import { Scope } from "../contract/scope.js";
import { decayKind, type DiagLowRankTril } from "../contract/operator.js";
import type { Dtype, Shape, Tensor } from "../contract/tensor.js";
import { checkBackend } from "./check.js";
import { writeTo } from "./dispatch.js";
import type { VjpCall } from "./vjp-check.js";

/**
 * The gradient of T is T̄ = α tril(L Rᵀ, −1), or when `trans` its transpose's triu; besides, something flows in across
 * the ends of the sequence.
 */
interface Outer<T extends Tensor> {
  /** [batch, n, p] */
  readonly left: T;
  /** [batch, n, p] */
  readonly right: T;
  readonly trans: boolean;
  readonly alpha: number;
  readonly chunk: number | undefined;
  /** What L also meets, [batch, p, r]: Z₀ᵀ, scaled. */
  readonly leftState: T | undefined;
  /** What R also meets, [batch, p, r]: Z̄_fᵀ, scaled. */
  readonly rightState: T | undefined;
}

/** Where the gradients of an operator go, with the tensors that are needed only on the way. */
export interface Targets<T extends Tensor> {
  /** Returns the tensor that was given for a gradient, or a new one that is disposed if the call throws. */
  result(name: string, shape: Shape): T;
  /** Returns a tensor that is disposed when the call ends. */
  temporary(shape: Shape): T;
}

export interface OperatorGradients<T extends Tensor> {
  /** [batch, n, 1] */
  readonly diag: T;
  /** [batch, n, r] */
  readonly q: T;
  /** [batch, n, r] */
  readonly k: T;
  /** As `decay`, [batch, n, 1] or [batch, n, r]; there when the operator has a decay. 0 where g = −∞. */
  readonly decay?: T;
}

/** Computes λ̄, Q̄, K̄ and ḡ from L Rᵀ = `alpha` left rightᵀ, by equations (20) and (27). */
export function operatorGradients<T extends Tensor>(
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
 * Computes Q̄ and K̄ by equation (20): `apply` on an operator without Λ whose rank is p. Its decay is that of T; where
 * T decays per channel, the channels of Q and K are the columns of that `apply`.
 */
function factorGradients<T extends Tensor>(
  backend: Backend<T>,
  op: DiagLowRankTril<T>,
  { left, right, trans, alpha, chunk, leftState, rightState }: Outer<T>,
  into: { readonly q: T; readonly k: T },
): void {
  const [batch, n, p] = left.shape;
  const r = op.q.shape[2];
  const outer: DiagLowRankTril<T> = {
    ...(trans ? { q: right, k: left } : { q: left, k: right }),
    decay: op.decay,
  };
  const decayOn = decayKind(op) === "channel" ? ("columns" as const) : ("rank" as const);
  const shared = { batch, n, r: p, p: r, op: outer, alpha, chunk, decayOn };
  run(backend, "apply", into.q, () =>
    backend.kernels.apply({
      ...shared,
      x: op.k,
      out: into.q,
      trans: false,
      initialState: trans ? rightState : leftState,
    }),
  );
  run(backend, "apply", into.k, () =>
    backend.kernels.apply({
      ...shared,
      x: op.q,
      out: into.k,
      trans: true,
      initialState: trans ? leftState : rightState,
    }),
  );
}

/** Computes ḡ by equation (27) from Q̄ and K̄. `states` are Z₀ and its gradient, [batch, r, p]. */
function decayGradient<T extends Tensor>(
  backend: Backend<T>,
  { q, k, decay }: DiagLowRankTril<T> & { readonly decay: T },
  gradients: { readonly q: T; readonly k: T },
  { trans, states }: { readonly trans: boolean; readonly states: readonly [T, T] | undefined },
  targets: Targets<T>,
): T {
  const [batch, n, r] = q.shape;
  const out = targets.result("decay", decay.shape);
  const start = states && targets.temporary([batch, r, 1]);
  if (start) rowDot(backend, states[0], states[1], 1, start);
  run(backend, "decayVjp", out, () =>
    backend.kernels.decayVjp({
      batch,
      n,
      r,
      trans,
      decay,
      q,
      k,
      qGradient: gradients.q,
      kGradient: gradients.k,
      start,
      out,
    }),
  );
  return out;
}

/** Computes out_i ← α x_i · y_i. */
function rowDot<T extends Tensor>(backend: Backend<T>, x: T, y: T, alpha: number, out: T): T {
  const [batch, n, p] = x.shape;
  run(backend, "rowDot", out, () => backend.kernels.rowDot({ batch, n, p, alpha, x, y, out }));
  return out;
}

/** Computes out ← α x, or α xᵀ. */
export function copy<T extends Tensor>(backend: Backend<T>, x: T, alpha: number, trans: boolean, out: T): T {
  const [batch, rows, cols] = out.shape;
  run(backend, "copy", out, () => backend.kernels.copy({ batch, rows, cols, alpha, trans, x, out }));
  return out;
}

function run<T extends Tensor>(backend: Backend<T>, kernel: KernelName, out: T, work: () => void): void {
  checkBackend(backend, kernel);
  writeTo(backend, out, out.shape, out.dtype, work);
}

/**
 * Runs `body`; disposes its temporaries in any case, and the results it made if it throws. `given` are the tensors that
 * the caller wants gradients written to.
 */
export function withTargets<T extends Tensor, R>(
  backend: Backend<T>,
  dtype: Dtype,
  given: Readonly<Record<string, T | undefined>>,
  body: (targets: Targets<T>) => R,
): R {
  const temporaries = new Scope(backend);
  const results = new Scope(backend);
  try {
    return body({
      result: (name, shape) => given[name] ?? results.own(backend.empty(shape, dtype)),
      temporary: (shape) => temporaries.own(backend.empty(shape, dtype)),
    });
  } catch (error) {
    results.dispose();
    throw error;
  } finally {
    temporaries.dispose();
  }
}
