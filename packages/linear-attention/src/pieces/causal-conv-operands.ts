import type { Backend, Shape, Tensor } from "@dlrt/core";
import { entryStart } from "@dlrt/core/backend";
import { rowsOf, type Span } from "../engine/packed.js";
import type { Scope } from "../engine/scope.js";
import type { ConvCall } from "./causal-conv-check.js";

/** The arrays of a call as the kernels take them, with the channels as columns. */
export interface ConvOperands<T extends Tensor> {
  /** [B, T, C] */
  readonly x: T;
  /** [N, k − 1, C] */
  readonly initialState: T | undefined;
  /** Returns the weights for every sequence of a span, [batch, k, C], which share one memory. */
  weight(span: Span): T;
  /** Returns the bias for every sequence of a span, [batch, 1, C]; undefined where there is none. */
  bias(span: Span): T | undefined;
}

export function convOperands<T extends Tensor>(scope: Scope<T>, call: ConvCall<T>): ConvOperands<T> {
  const { backend } = scope;
  const { channels, taps, weight, bias, initialState } = call;
  const turned = scope.copy(asMatrix(backend, weight), scope.empty([1, taps, channels]), { trans: true });
  const repeated = (t: T, rows: number, { batch }: Span): T => {
    const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: channels };
    return backend.view(t, [batch, rows, channels], layout);
  };
  return {
    x: tokensFirst(scope, call.x, call),
    initialState: initialState && tokensFirst(scope, initialState, call),
    weight: (span) => repeated(turned, taps, span),
    bias: (span) => bias && repeated(bias, 1, span),
  };
}

/** Returns weights [C, 1, k] as [1, C, k], without a copy. */
export function asMatrix<T extends Tensor>(backend: Backend<T>, weight: T): T {
  const [channels, , taps] = weight.shape;
  const layout = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: weight.layout.batch };
  return backend.view(weight, [1, channels, taps], layout);
}

/** Returns a shape of the caller's as [entries, tokens, channels]. */
export function tokensFirstShape(shape: Shape, { channelsFirst }: ConvCall<Tensor>): Shape {
  return channelsFirst ? [shape[0], shape[2], shape[1]] : shape;
}

/**
 * Returns an array of the caller's as [entries, tokens, channels] with one stride from entry to entry. It is a copy where the channels come
 * first, or where states are a view by heads, since no view has some entries of a view by heads.
 */
export function tokensFirst<T extends Tensor>(scope: Scope<T>, t: T, call: ConvCall<T>): T {
  if (!call.channelsFirst && t.layout.heads === 1) return t;
  return scope.copy(t, scope.empty(tokensFirstShape(t.shape, call)), { trans: call.channelsFirst });
}

/** Returns the tokens of a span, [batch, rows, C], without a copy. */
export function tokensOf<T extends Tensor>(backend: Backend<T>, t: T, span: Span): T {
  return rowsOf(backend, { tensor: t, heads: 1, width: t.shape[2] }, span, 1);
}

/** Returns the entries of a span, one for each of its sequences, of an array [N, rows, C] with one stride, without a copy. */
export function entryOf<T extends Tensor>(backend: Backend<T>, t: T, { batch, state }: Span): T {
  const [count, rows, cols] = t.shape;
  if (count === batch) return t;
  const offset = rows * cols === 0 ? 0 : entryStart(t.layout, state) - t.layout.offset;
  const layout = { offset, heads: 1, shared: 1, batch: t.layout.batch, head: 0, row: t.layout.row };
  return backend.view(t, [batch, rows, cols], layout);
}
