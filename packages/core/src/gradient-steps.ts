/** What the gradients of solve and apply are made of: one kernel call each. */
import { apply } from "./apply.js";
import type { Backend } from "./backend.js";
import { checkBackend } from "./check.js";
import { identityView } from "./derived.js";
import { writeTo } from "./dispatch.js";
import type { DiagLowRankTril } from "./operator.js";
import { elementCount, newFloatArray, type Shape, type Tensor } from "./tensor.js";

/**
 * The gradients of Q and K where T̄ = α tril(L Rᵀ, −1) (its transpose's triu when `trans`): `apply` on an
 * operator without Λ whose rank is p. The states are what flows in across the ends of the sequence.
 */
export function factorGradients<T extends Tensor>(
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

export function rowDot<T extends Tensor>(backend: Backend<T>, x: T, y: T, alpha: number): T {
  checkBackend(backend, "rowDot");
  const [batch, n, p] = x.shape;
  return writeTo(backend, undefined, [batch, n, 1], x.dtype, (out) =>
    backend.kernels.rowDot({ batch, n, p, alpha, x, y, out }),
  );
}

/** s·X: `apply` on s·I, an operator of rank 0. */
export function scaled<T extends Tensor>(backend: Backend<T>, x: T, s: number): T {
  const [batch, n] = x.shape;
  if (elementCount(x.shape) === 0) return backend.empty(x.shape, x.dtype); // n alone may be anything
  return withTemporaries<T, T>((temporary) => {
    const ones = newFloatArray(x.dtype, 1).fill(1);
    const diag = temporary(backend.upload({ data: ones, shape: [batch, n, 1], strides: [0, 0, 0] }));
    const none = temporary(backend.empty([batch, n, 0], x.dtype));
    return apply(backend, { diag, q: none, k: none }, x, { alpha: s });
  });
}

/** s·Zᵀ: the final state Kᵀ X of `apply` for K = Z, X = s·I. O(r² p), beside O(n r p). */
export function transposed<T extends Tensor>(backend: Backend<T>, z: T, s: number): T {
  const [batch, r, p] = z.shape;
  const shape: Shape = [batch, p, r];
  if (elementCount(shape) === 0) return backend.empty(shape, z.dtype); // r alone may be anything
  return withTemporaries<T, T>((temporary, result) => {
    const identity = temporary(backend.upload(identityView(batch, r, z.dtype, s)));
    const finalState = result(backend.empty(shape, z.dtype));
    temporary(apply(backend, { q: z, k: z }, identity, { finalState }));
    return finalState;
  });
}

/** Runs `body`; disposes its temporaries in any case, and its results too if it throws. */
export function withTemporaries<T extends Tensor, R>(
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
