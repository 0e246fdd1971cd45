import type { Backend, FloatArray } from "@dlrt/core";
import type { LayerOptions } from "../engine/options.js";
import type { HostArray } from "./call.js";

/** The inputs of a layer by their names, as arrays. */
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
  /** S before the first token: N·heads·K·V elements, or a view [N·heads, K, V]. Default 0. */
  readonly initialState?: HostArray<A> | undefined;
  /** Whether the result has S after the last token; or the array to fill with it, which may be the `initialState`. Default false. */
  readonly finalState?: boolean | A | undefined;
  /** The array to fill with the output, B·T·heads·V elements, which shares no memory with others. Default: a new one. */
  readonly output?: A | undefined;
}

export interface HostLayerResult<A extends FloatArray = FloatArray> {
  /** [B, T, heads·V], row by row */
  readonly output: A;
  /** S after the last token, where `finalState` asked for it, row by row. */
  readonly finalState?: A;
}

/** The cotangents of a layer's results, as arrays. An absent one counts as 0. */
export interface HostCotangents<A extends FloatArray = FloatArray> {
  readonly output?: HostArray<A> | undefined;
  readonly finalState?: HostArray<A> | undefined;
}

/** A gradient for every input that was given, and one for the initial state where there was one, row by row. */
export type HostGradients<Inputs, A extends FloatArray = FloatArray> = {
  readonly [name in keyof Inputs]: A | Extract<Inputs[name], undefined>;
} & { readonly initialState?: A };

/**
 * A layer on plain arrays. Where the backend's memory is the host's, many tokens go through the layer in pieces, so that the backend holds
 * one piece of the arrays at a time.
 * @throws (rejects with) ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export type HostLayer<Inputs> = <A extends FloatArray>(
  backend: Backend,
  inputs: HostInputs<Inputs, A>,
  options: HostLayerOptions<A>,
) => Promise<HostLayerResult<A>>;

/**
 * The gradients of a layer on plain arrays. Of the options, `finalState` and `output` play no part.
 * @throws (rejects with) as the layer
 */
export type HostLayerVjp<Inputs> = <A extends FloatArray>(
  backend: Backend,
  inputs: HostInputs<Inputs, A>,
  cotangents: HostCotangents<A>,
  options: HostLayerOptions<A>,
) => Promise<HostGradients<Inputs, A>>;
