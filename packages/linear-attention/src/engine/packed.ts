import type { Backend, Tensor } from "@dlrt/core";

/** A layer's array [B, T, H·D], in which the columns of a token are cut into heads. */
export interface Packed<T extends Tensor> {
  /** [B, T, H·D], one entry a sequence */
  readonly tensor: T;
  /** H */
  readonly heads: number;
  /** D */
  readonly width: number;
}

/**
 * Consecutive rows of `batch` sequences: what one call of a kernel covers. Pieces are computed in order, so that one may begin in
 * the states where an earlier one ended.
 */
export interface Piece {
  readonly batch: number;
  /** The first of the array's sequences that the piece covers. Default 0. */
  readonly sequence?: number;
  readonly start: number;
  readonly rows: number;
  /** The first of the `batch` states in which the piece begins. */
  readonly state: number;
  /** The first of the states in which it ends. Default: `state`. */
  readonly final?: number;
}

/** The rows of a piece as batch entries, [batch·heads, rows, D], `heads` of them a sequence, which share the stored heads evenly. */
export function rowsOf<T extends Tensor>(
  backend: Backend<T>,
  { tensor, heads: stored, width }: Packed<T>,
  { batch, sequence = 0, start, rows }: Piece,
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

/** All rows, one batch entry a head: [B·H, T, D]. */
export function wholeOf<T extends Tensor>(backend: Backend<T>, x: Packed<T>): T {
  const [batch, rows] = x.tensor.shape;
  return rowsOf(backend, x, { batch, start: 0, rows, state: 0 }, x.heads);
}

/** Elements from one token to the next, of the next sequence where one ends; undefined where no single number says it. */
export function tokenStride({ shape: [batch, tokens], layout }: Tensor): number | undefined {
  if (tokens === 1) return layout.batch;
  return batch <= 1 || layout.batch === tokens * layout.row ? layout.row : undefined;
}

/**
 * Every head of every token as a batch entry: a row of D columns, [B·T·heads, 1, D], or D rows of a column, [B·T·heads, D, 1],
 * where an array of one column counts as one of `width` equal ones. The array has a `tokenStride`.
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
