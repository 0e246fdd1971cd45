import type { Backend, Shape, Tensor } from "@dlrt/core";
import { entryStart } from "@dlrt/core/backend";
import { rowsOf, type Piece } from "../engine/packed.js";
import type { Scope } from "../engine/scope.js";
import type { ConvCall } from "./causal-conv-check.js";

/** The arrays as the kernels take them: channels are columns. */
export interface ConvOperands<T extends Tensor> {
  /** [B, T, C] */
  readonly x: T;
  /** [N, k − 1, C] */
  readonly initialState: T | undefined;
  /** Of a piece: [batch, k, C] */
  weight(piece: Piece): T;
  /** [batch, 1, C] */
  bias(piece: Piece): T | undefined;
}

export function operandsOf<T extends Tensor>(scope: Scope<T>, call: ConvCall<T>): ConvOperands<T> {
  const { backend } = scope;
  const { channels, taps, weight, bias, initialState } = call;
  const turned = scope.copy(asMatrix(backend, weight), scope.empty([1, taps, channels]), { trans: true });
  const repeated = (t: T, rows: number, { batch }: Piece): T => {
    const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: channels };
    return backend.view(t, [batch, rows, channels], layout);
  };
  return {
    x: inTokens(scope, call.x, call),
    initialState: initialState && inTokens(scope, initialState, call),
    weight: (piece) => repeated(turned, taps, piece),
    bias: (piece) => bias && repeated(bias, 1, piece),
  };
}

/** Weights [C, 1, k] as [1, C, k]. */
export function asMatrix<T extends Tensor>(backend: Backend<T>, weight: T): T {
  const [channels, , taps] = weight.shape;
  const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: weight.layout.batch };
  return backend.view(weight, [1, channels, taps], layout);
}

/** A shape of the caller's as [_, tokens, channels]. */
export function inRows(shape: Shape, { channelsFirst }: ConvCall<Tensor>): Shape {
  return channelsFirst ? [shape[0], shape[2], shape[1]] : shape;
}

/**
 * An array of the caller's as [_, tokens, channels] with one stride from entry to entry: a copy where the channels come first, or where
 * states are a view by heads, some of whose entries no view has.
 */
export function inTokens<T extends Tensor>(scope: Scope<T>, t: T, call: ConvCall<T>): T {
  if (!call.channelsFirst && t.layout.heads === 1) return t;
  return scope.copy(t, scope.empty(inRows(t.shape, call)), { trans: call.channelsFirst });
}

/** The tokens of a piece, [batch, rows, C]. */
export function tokensOf<T extends Tensor>(backend: Backend<T>, t: T, piece: Piece): T {
  return rowsOf(backend, { tensor: t, heads: 1, width: t.shape[2] }, piece, 1);
}

/** The entries of a piece, one a sequence, of [N, rows, C] with one stride. */
export function entryOf<T extends Tensor>(backend: Backend<T>, t: T, { batch, state }: Piece): T {
  const [count, rows, cols] = t.shape;
  if (count === batch) return t;
  const offset = rows * cols === 0 ? 0 : entryStart(t.layout, state) - t.layout.offset;
  const layout = { offset, heads: 1, shared: 1, batch: t.layout.batch, head: 0, row: t.layout.row };
  return backend.view(t, [batch, rows, cols], layout);
}
