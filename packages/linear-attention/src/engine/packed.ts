import type { Backend, Tensor } from "@dlrt/core";

/** A layer's array, in which the columns of each token belong to one head after the other. */
export interface Packed<T extends Tensor> {
  /** [B, T, H·D], whose batch entries are sequences */
  readonly tensor: T;
  /** H */
  readonly heads: number;
  /** D */
  readonly width: number;
}

/**
 * The same consecutive rows of `batch` neighbouring sequences, which one call of a kernel computes. Spans are computed in order, so that
 * one may begin in the states in which an earlier one ended.
 */
export interface Span {
  /** The number of sequences. */
  readonly batch: number;
  /** The first of these sequences in the array. Default 0. */
  readonly sequence?: number;
  /** The first row in each of them. */
  readonly start: number;
  /** The number of rows in each of them. */
  readonly rows: number;
  /** The first of the `batch` states in which the span begins. */
  readonly state: number;
  /** The first of the `batch` states in which the span ends. Default: `state`. */
  readonly final?: number;
}

/**
 * Returns the rows of a span as batch entries, [batch·heads, rows, D], without a copy: `heads` entries for each sequence, which share the
 * stored heads evenly among neighbours.
 */
export function rowsOf<T extends Tensor>(
  backend: Backend<T>,
  { tensor, heads: stored, width }: Packed<T>,
  { batch, sequence = 0, start, rows }: Span,
  heads: number,
): T {
  const { batch: stride, row } = tensor.layout;
  return backend.view(tensor, [batch * heads, rows, width], {
    offset: rows === 0 ? 0 : sequence * stride + start * row,
    heads,
    shared: heads / stored,
    batch: stride,
    head: width,
    row,
  });
}

/** Returns all rows as batch entries, one for each head: [B·H, T, D], without a copy. */
export function wholeOf<T extends Tensor>(backend: Backend<T>, x: Packed<T>): T {
  const [batch, rows] = x.tensor.shape;
  return rowsOf(backend, x, { batch, start: 0, rows, state: 0 }, x.heads);
}

/**
 * Returns how many elements lie from each token to the next, from the last token of a sequence to the first of the next one too;
 * undefined where that is no single number.
 */
export function tokenStride({ shape: [batch, tokens], layout }: Tensor): number | undefined {
  if (tokens === 1) return layout.batch;
  return batch <= 1 || layout.batch === tokens * layout.row ? layout.row : undefined;
}

/**
 * Returns every head of every token as a batch entry, without a copy: a row of D columns, [B·T·heads, 1, D], or `width` rows of one column,
 * [B·T·heads, width, 1], in which an array of one column is repeated. The array must have a `tokenStride`.
 */
export function entriesOf<T extends Tensor>(
  backend: Backend<T>,
  { tensor, heads: stored, width: own }: Packed<T>,
  heads: number,
  as: "row" | "column",
  width: number = own,
): T {
  const count = tensor.shape[0] * tensor.shape[1] * heads;
  return backend.view(tensor, as === "row" ? [count, 1, own] : [count, width, 1], {
    offset: 0,
    heads,
    shared: heads / stored,
    batch: tokenStride(tensor)!,
    head: own,
    row: as === "row" ? own : own === 1 ? 0 : 1,
  });
}
