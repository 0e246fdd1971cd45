import type { Tensor } from "@dlrt/core";

/** The numbers of heads. Of any two of them the larger is a multiple of the smaller, whose heads are then shared. */
export interface Heads {
  readonly query: number;
  /** Default: as many as the query has. */
  readonly key?: number | undefined;
  /** Default: as many as the key has. */
  readonly value?: number | undefined;
  /**
   * Which heads share one: head h of H reads stored head ⌊h / (H / stored)⌋ ("neighbours", the default), or h mod stored ("modulo"), as in
   * GGUF files. The heads of the output share states in the same order. With "modulo", what has fewer heads is copied once.
   */
  readonly order?: "neighbours" | "modulo" | undefined;
}

/**
 * A batch whose sequences are shorter than its T rows. The rows beside a sequence change no state, and output and gradients are zero
 * there. What they hold plays no part, NaN included.
 */
export interface Padding {
  /** Whether the padded rows are before a sequence ("left") or after it ("right"). */
  readonly side: "left" | "right";
  /** The number of tokens of each sequence, from 0 to T: the sums of the rows of an attention mask. */
  readonly lengths: Int32Array;
}

/**
 * What a forward call with `keep: true` has kept for its gradient: tensors of the backend, which count in its `memory()`. It is empty
 * where the backend or the layer has nothing worth keeping. The gradient then computes what it needs, as it does without it.
 */
export interface Kept extends Disposable {
  readonly disposed: boolean;
  /** Frees the tensors. It may be called again. */
  dispose(): void;
}

export interface LayerOptions<T extends Tensor = Tensor> {
  /** Grouped queries, grouped values and multi-query attention are ratios of these. */
  readonly heads: Heads;
  /** What the output is multiplied by. Default: 1/√K, K the columns of a key; 1 for `rwkv7` and `ssd`. */
  readonly scale?: number | undefined;
  /** Whether query and keys become x / √(Σx² + eps), with eps = 1e-6 unless it is given. Default: they are taken as they are. */
  readonly normalizeKeys?: boolean | { readonly eps: number } | undefined;
  /** S before the first token, [N·heads, K, V], of N sequences with as many heads as key or value, whichever has more. Default 0. */
  readonly initialState?: T | undefined;
  /** Whether the result has S after the last token; or the tensor to write it to, which may be the `initialState`. Default false. */
  readonly finalState?: boolean | T | undefined;
  /** How both states lie: "kv", [N·heads, K, V], the default; or "vk", [N·heads, V, K]. */
  readonly stateLayout?: "kv" | "vk" | undefined;
  /** The bounds of N sequences that are packed into one of B = 1: 0 = s₀ ≤ s₁ ≤ … ≤ s_N = T, known as cu_seqlens. Each has a state. */
  readonly sequences?: Int32Array | undefined;
  /** The lengths of the sequences of a padded batch. It excludes `sequences`. */
  readonly padding?: Padding | undefined;
  /**
   * Whether to keep what the gradient would otherwise compute once more: the result has it as `kept`, which goes to the layer's Vjp. That
   * saves time, for as much memory again as one or two of the layer's outputs until `kept` is disposed. Default false.
   */
  readonly keep?: boolean | undefined;
}

/** The options of a layer's gradient: those of the forward call, whose `finalState` and `keep` play no part, and what that call has kept. */
export interface VjpOptions<T extends Tensor = Tensor> extends LayerOptions<T> {
  /**
   * The `kept` of the forward call with the same inputs, which have not changed since, and the same options. It is not disposed here, and
   * may be used again. Default: what is needed of the forward call is computed once more.
   */
  readonly kept?: Kept | undefined;
}

/** The names of the options that a State, a summary and a call on plain arrays hand on to a layer. */
export const optionNames = [
  "heads",
  "scale",
  "normalizeKeys",
  "initialState",
  "finalState",
  "stateLayout",
  "sequences",
  "padding",
] as const;

const stateNames: readonly string[] = ["initialState", "finalState", "stateLayout"];

/** Those of them that a State and a summary take too, which have states of their own. */
export const namesBesideStates: readonly string[] = optionNames.filter((name) => !stateNames.includes(name));

/** The names of a layer's options. */
export const forwardNames: readonly string[] = [...optionNames, "keep"];
/** The names of the options of a layer's gradient. */
export const vjpNames: readonly string[] = [...forwardNames, "kept"];

export interface LayerResult<T extends Tensor = Tensor> {
  /** [B, T, heads·V], with as many heads as the query or the state, whichever has more. It is the caller's to dispose. */
  readonly output: T;
  /** S after the last token, where `finalState` asked for it, shaped as `initialState`. */
  readonly finalState?: T;
  /** What the call has kept for its gradient, with `keep: true`. It is the caller's to dispose, after the gradient. */
  readonly kept?: Kept;
}

/** The cotangents of a layer's results: the derivatives of a loss with respect to them. An absent one counts as 0. */
export interface Cotangents<T extends Tensor = Tensor> {
  /** Shaped as `output` */
  readonly output?: T | undefined;
  /** Shaped as `finalState` */
  readonly finalState?: T | undefined;
}

/** A gradient for every input that was given, of its shape, and one for the initial state where there was one. */
export type Gradients<Inputs, T extends Tensor = Tensor> = {
  readonly [name in keyof Inputs]: Inputs[name];
} & { readonly initialState?: T };
