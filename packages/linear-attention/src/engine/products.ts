import { apply, newFloatArray, type Tensor } from "@dlrt/core";
import type { Scope } from "./scope.js";

/**
 * Computes α (A X + Y), for A [batch, n, m], X [batch, m, p] and Y = `plus` [batch, n, p] or absent. It is an `apply` whose keys are 0, which
 * reads its initial state X by the rows of A and nothing else. Each element is within 16 ε of the sum of its terms' magnitudes (m/8 ε
 * beyond m = 128).
 * @returns `out`, or a new tensor of the scope, [batch, n, p]
 */
export function multiply<T extends Tensor>(
  scope: Scope<T>,
  a: T,
  x: T,
  { plus, alpha, out }: { readonly plus?: T; readonly alpha?: number; readonly out?: T } = {},
): T {
  const [batch, n] = a.shape;
  const op = { q: a, k: scope.repeated(0, a.shape), ...(plus && { diag: scope.repeated(1, [batch, n, 1]) }) };
  const to = out ?? scope.empty([batch, n, x.shape[2]]);
  return apply(scope.backend, op, plus ?? scope.repeated(0, to.shape), { alpha, initialState: x, out: to });
}

/** Adds Aᵀ Y to `to`, [batch, m, p], for A [batch, n, m] and Y [batch, n, p]. It is what the state of an `apply` with keys A gathers. */
export function accumulate<T extends Tensor>(scope: Scope<T>, to: T, a: T, y: T): void {
  apply(scope.backend, { q: scope.repeated(0, a.shape), k: a }, y, {
    initialState: to,
    finalState: to,
    out: scope.empty(y.shape),
  });
}

/** Makes the identity matrix for every entry: [batch, n, n]. It is uploaded as a view of 2n − 1 elements. */
export function identity<T extends Tensor>(scope: Scope<T>, batch: number, n: number): T {
  if (batch === 0 || n === 0) return scope.empty([batch, n, n]);
  const data = newFloatArray(scope.dtype, 2 * n - 1);
  data[n - 1] = 1;
  const view = { data, shape: [batch, n, n], strides: [0, -1, 1], offset: n - 1 } as const;
  return scope.own(scope.backend.upload(view));
}

/** Makes the same with memory for one entry alone, which all entries share. It may only be read. */
export function sharedIdentity<T extends Tensor>(scope: Scope<T>, batch: number, n: number): T {
  const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: n };
  return scope.backend.view(identity(scope, 1, n), [batch, n, n], layout);
}

/** Returns `count` rows of every entry, from row `first` on, without a copy. */
export function rowsFrom<T extends Tensor>(scope: Scope<T>, t: T, first: number, count: number): T {
  const layout = { ...t.layout, offset: count === 0 ? 0 : first * t.layout.row };
  return scope.backend.view(t, [t.shape[0], count, t.shape[2]], layout);
}

/** Returns the first `count` columns of every row, without a copy. */
export function firstColumns<T extends Tensor>(scope: Scope<T>, t: T, count: number): T {
  return scope.backend.view(t, [t.shape[0], t.shape[1], count], { ...t.layout, offset: 0 });
}
