import type { Backend, FloatArray } from "@dlrt/core";
import type { LayerOptions } from "../engine/options.js";
import type { HostArray } from "./call.js";

/** A layer's inputs by their names, as arrays. */
export type HostInputs<Inputs, A extends FloatArray = FloatArray> = {
  readonly [name in keyof Inputs]: HostArray<A> | Extract<Inputs[name], undefined>;
};

/** The options of a layer, with arrays for states. */
export interface HostLayerOptions<A extends FloatArray = FloatArray> extends Omit<
  LayerOptions,
  "initialState" | "finalState" | "keep"
> {
  /** [B, T] of every array that comes without a shape of its own. */
  readonly shape?: readonly [batch: number, tokens: number] | undefined;
  /** S before the first token, N·heads·K·V elements, or a view [N·heads, K, V] */
  readonly initialState?: HostArray<A> | undefined;
  /** Give S after the last token: true, or the array to fill, which may be the `initialState`. */
  readonly finalState?: boolean | A | undefined;
  /** The array to fill with the output, B·T·heads·V elements; shares no memory with others. Absent: a fresh one. */
  readonly output?: A | undefined;
}

export interface HostLayerResult<A extends FloatArray = FloatArray> {
  /** [B, T, heads·V] row by row */
  readonly output: A;
  /** There when `finalState` was asked for. */
  readonly finalState?: A;
}

/** What came back through a layer's results, as arrays. */
export interface HostCotangents<A extends FloatArray = FloatArray> {
  readonly output?: HostArray<A> | undefined;
  readonly finalState?: HostArray<A> | undefined;
}

/** A gradient for every input that was given, and for the initial state where there was one, row by row. */
export type HostGradients<Inputs, A extends FloatArray = FloatArray> = {
  readonly [name in keyof Inputs]: A | Extract<Inputs[name], undefined>;
} & { readonly initialState?: A };

/**
 * A layer on plain arrays. Many tokens go through it in pieces where the backend's memory is the host's: it then holds one piece of
 * the arrays at a time.
 * @throws (rejects with) ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export type HostLayer<Inputs> = <A extends FloatArray>(
  backend: Backend,
  inputs: HostInputs<Inputs, A>,
  options: HostLayerOptions<A>,
) => Promise<HostLayerResult<A>>;

/**
 * The gradients of a layer on plain arrays; of the options `finalState` and `output` play no part.
 * @throws (rejects with) as the layer
 */
export type HostLayerVjp<Inputs> = <A extends FloatArray>(
  backend: Backend,
  inputs: HostInputs<Inputs, A>,
  cotangents: HostCotangents<A>,
  options: HostLayerOptions<A>,
) => Promise<HostGradients<Inputs, A>>;
