import { apply, type Tensor } from "@dlrt/core";
import { entriesOf, rowsOf, tokenStride, type Packed } from "./packed.js";
import type { Scope } from "./scope.js";

/** Returns `x` itself where all its tokens are equally far apart, else a copy of it in which they are. */
export function evenly<T extends Tensor>(scope: Scope<T>, x: Packed<T>): Packed<T> {
  if (tokenStride(x.tensor) !== undefined) return x;
  return { ...x, tensor: scope.copy(x.tensor, scope.empty(x.tensor.shape)) };
}

/**
 * Computes α x ∘ y. Where one array has fewer heads, its heads are shared by neighbours; where it has a single column, that stands for all
 * columns. It is computed as dot products of rows of one column, since `rowDot` is what every backend has.
 */
export function product<T extends Tensor>(scope: Scope<T>, x: Packed<T>, y: Packed<T>, alpha = 1): Packed<T> {
  const [batch, tokens] = x.tensor.shape;
  const heads = Math.max(x.heads, y.heads);
  const width = x.width === 1 ? y.width : x.width;
  const out = scope.packed(batch, tokens, heads, width);
  const columns = (a: Packed<T>): T => entriesOf(scope.backend, evenly(scope, a), heads, "column", width);
  scope.rowDot(columns(x), columns(y), columns(out), alpha);
  return out;
}

/** Computes α Σ x ∘ y over the columns of each head: one number for each head, whose heads are shared as in `product`. */
export function dot<T extends Tensor>(scope: Scope<T>, x: Packed<T>, y: Packed<T>, alpha = 1): Packed<T> {
  const [batch, tokens] = x.tensor.shape;
  const heads = Math.max(x.heads, y.heads);
  const out = scope.packed(batch, tokens, heads, 1);
  const rows = (a: Packed<T>): T => entriesOf(scope.backend, evenly(scope, a), heads, "row");
  scope.rowDot(rows(x), rows(y), rows(out), alpha);
  return out;
}

/** Computes x + y, of equal heads and columns, by `apply` on operators of one row with λ = q = 1, whose initial state is y. */
export function sum<T extends Tensor>(scope: Scope<T>, x: Packed<T>, y: Packed<T>): Packed<T> {
  const [batch, tokens, cols] = x.tensor.shape;
  const out = scope.packed(batch, tokens, x.heads, x.width);
  const one = scope.repeated(1, [batch * tokens, 1, 1]);
  const token = ({ tensor }: Packed<T>): T =>
    entriesOf(scope.backend, evenly(scope, { tensor, heads: 1, width: cols }), 1, "row");
  apply(scope.backend, { diag: one, q: one, k: one }, token(x), { initialState: token(y), out: token(out) });
  return out;
}

/**
 * Adds neighbouring heads up, so that `heads` of them are left: the gradient of heads that were shared. The heads to be added are the
 * initial state that an `apply` with a query of ones reads.
 */
export function sumHeads<T extends Tensor>(scope: Scope<T>, x: Packed<T>, heads: number): Packed<T> {
  if (x.heads === heads) return x;
  const [batch, tokens] = x.tensor.shape;
  const many = x.heads / heads;
  const out = scope.packed(batch, tokens, heads, x.width);
  const entries = batch * tokens * heads;
  const { tensor } = evenly(scope, x);
  const terms = scope.backend.view(tensor, [entries, many, x.width], {
    offset: 0,
    heads,
    shared: 1,
    batch: tokenStride(tensor)!,
    head: many * x.width,
    row: x.width,
  });
  const ones = scope.repeated(1, [entries, 1, many]);
  apply(scope.backend, { q: ones, k: ones }, scope.repeated(0, [entries, 1, x.width]), {
    initialState: terms,
    out: entriesOf(scope.backend, out, heads, "row"),
  });
  return out;
}

/** Adds the tokens of all sequences up, [1, 1, H·D], as the state of an `apply` with keys of 1 gathers them. */
export function sumTokens<T extends Tensor>(scope: Scope<T>, x: Packed<T>): Packed<T> {
  const [batch, tokens, cols] = x.tensor.shape;
  const out = scope.packed(1, 1, x.heads, x.width);
  const rows = batch * tokens;
  const { tensor } = evenly(scope, x);
  const all = scope.backend.view(tensor, [1, rows, cols], {
    offset: 0,
    heads: 1,
    shared: 1,
    batch: 0,
    head: 0,
    row: tokenStride(tensor)!,
  });
  const one = scope.repeated(1, [1, rows, 1]);
  scope.own(apply(scope.backend, { q: one, k: one }, all, { finalState: out.tensor }));
  return out;
}

/** A place among the rows of each token: the row `row` of its `rows`, from column `column` of every head on. */
export interface Place {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
}

/** Returns what `x`, [B, T·rows, H·D], has at a place, as batch entries [B·H, T, width], without a copy. */
export function placeIn<T extends Tensor>(
  scope: Scope<T>,
  x: Packed<T>,
  { row, rows, column }: Place,
  width: number,
): T {
  const [batch, all] = x.tensor.shape;
  const { batch: sequence, row: stride } = x.tensor.layout;
  return scope.backend.view(x.tensor, [batch * x.heads, all / rows, width], {
    offset: all === 0 ? 0 : row * stride + column,
    heads: x.heads,
    shared: 1,
    batch: sequence,
    head: x.width,
    row: rows * stride,
  });
}

/** Copies what `x` has at a place into an array of its own, [B, T, H·width]. */
export function takeFrom<T extends Tensor>(
  scope: Scope<T>,
  x: Packed<T>,
  place: Place,
  width: number,
): Packed<T> {
  const [batch, all] = x.tensor.shape;
  const rows = all / place.rows;
  const out = scope.packed(batch, rows, x.heads, width);
  scope.copy(
    placeIn(scope, x, place, width),
    rowsOf(scope.backend, out, { batch, start: 0, rows, state: 0 }, x.heads),
  );
  return out;
}
