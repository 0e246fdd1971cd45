import type { Tensor } from "@dlrt/core";

/** Numbers of heads. Of any two the larger is a multiple of the smaller, whose heads are then shared. */
export interface Heads {
  readonly query: number;
  /** Default: as the query. */
  readonly key?: number | undefined;
  /** Default: as the key. */
  readonly value?: number | undefined;
  /**
   * Who shares: head h of H reads stored head ⌊h / (H / stored)⌋ ("neighbours", the default), or h mod stored ("modulo"), as in GGUF
   * files. So do heads of the output that share a state. What has fewer heads is then copied once.
   */
  readonly order?: "neighbours" | "modulo" | undefined;
}

/**
 * A batch of sequences shorter than its T rows. The rows beside them change no state; output and gradients are zero there. What
 * they hold plays no part, NaN included.
 */
export interface Padding {
  /** Where the padded rows are. */
  readonly side: "left" | "right";
  /** The tokens of each sequence, 0 to T: the sums of the rows of an attention mask. */
  readonly lengths: Int32Array;
}

/**
 * What a forward call with `keep: true` has kept for its gradient: tensors of the backend, which count in its `memory()`. It is empty
 * where backend or layer have nothing worth keeping; the gradient then computes what it needs, as it does without.
 */
export interface Kept extends Disposable {
  readonly disposed: boolean;
  /** Frees the tensors. Idempotent. */
  dispose(): void;
}

export interface LayerOptions<T extends Tensor = Tensor> {
  /** Grouped queries, grouped values and multi-query attention are ratios of these. */
  readonly heads: Heads;
  /** What the output is multiplied by. Default: 1/√K, K the columns of a key; 1 for `rwkv7` and `ssd`. */
  readonly scale?: number | undefined;
  /** Query and keys become x / √(Σx² + eps); true: eps = 1e-6. Default: taken as they are. */
  readonly normalizeKeys?: boolean | { readonly eps: number } | undefined;
  /** S before the first token, [N·heads, K, V], N sequences of as many heads as key or value, whichever has more. Default 0. */
  readonly initialState?: T | undefined;
  /** Give S after the last token: true, or the tensor to write it to, which may be the `initialState`. */
  readonly finalState?: boolean | T | undefined;
  /** "vk": both states are [N·heads, V, K]. Default "kv". */
  readonly stateLayout?: "kv" | "vk" | undefined;
  /** Bounds of sequences packed into one of B = 1: 0 = s₀ ≤ s₁ ≤ … ≤ s_N = T, known as cu_seqlens. A state each. */
  readonly sequences?: Int32Array | undefined;
  /** Sequences of a padded batch, instead of `sequences`. */
  readonly padding?: Padding | undefined;
  /**
   * Keep, for the gradient, what it would otherwise compute once more: the result has it as `kept`, which goes to the layer's Vjp. Less
   * time, for as much memory again as one or two of the layer's outputs until `kept` is disposed. Default false.
   */
  readonly keep?: boolean | undefined;
}

/** Options of a layer's gradient: those of the forward call, whose `finalState` and `keep` play no part, and what that has kept. */
export interface VjpOptions<T extends Tensor = Tensor> extends LayerOptions<T> {
  /**
   * The `kept` of the forward call with the same inputs, which have not changed since, and the same options. It is not disposed, and may be
   * used again. Absent: what is needed of the forward call is computed once more.
   */
  readonly kept?: Kept | undefined;
}

/** Those that whatever calls a layer hands on to it: a State, a summary, a call on plain arrays. */
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

export const forwardNames: readonly string[] = [...optionNames, "keep"];
export const vjpNames: readonly string[] = [...forwardNames, "kept"];

export interface LayerResult<T extends Tensor = Tensor> {
  /** [B, T, heads·V], as many heads as the query or the state, whichever has more. The caller's to dispose. */
  readonly output: T;
  /** There when `finalState` was asked for; shaped as `initialState`. */
  readonly finalState?: T;
  /** There with `keep: true`; the caller's to dispose, after the gradient. */
  readonly kept?: Kept;
}

/** What came back through a layer's results; an absent one counts 0. */
export interface Cotangents<T extends Tensor = Tensor> {
  /** As `output` */
  readonly output?: T | undefined;
  /** As `finalState` */
  readonly finalState?: T | undefined;
}

/** A gradient for every input that was given, of its shape, and for the initial state where there was one. */
export type Gradients<Inputs, T extends Tensor = Tensor> = {
  readonly [name in keyof Inputs]: Inputs[name];
} & { readonly initialState?: T };
