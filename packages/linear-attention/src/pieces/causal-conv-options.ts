import type { Tensor } from "@dlrt/core";
import type { Cotangents, Padding } from "../engine/options.js";

export interface CausalConvInputs<T extends Tensor = Tensor> {
  /** [B, T, C], or [B, C, T] with `layout: "bct"` */
  readonly x: T;
  /** [C, 1, k]: k taps for each channel, the last of which meets the token itself */
  readonly weight: T;
  /** [1, 1, C]. Default: 0 */
  readonly bias?: T | undefined;
}

export interface CausalConvOptions<T extends Tensor = Tensor> {
  /** The function that the sum goes through: none, or z σ(z), which has two names. Default "none". */
  readonly activation?: "none" | "silu" | "swish" | undefined;
  /** The order of the axes of x, the output and the states. "bct" is that of ONNX. Default "btc", as everywhere else here. */
  readonly layout?: "btc" | "bct" | undefined;
  /** The k − 1 tokens before the first, [N, k − 1, C], or [N, C, k − 1] with "bct", of N sequences. Default 0. */
  readonly initialState?: T | undefined;
  /**
   * Whether the result has the last k − 1 tokens, some of which are the initial state's where there are fewer; or the tensor to write them to,
   * which may be the `initialState`. Default false.
   */
  readonly finalState?: boolean | T | undefined;
  /** The bounds of N sequences that are packed into one of B = 1: 0 = s₀ ≤ s₁ ≤ … ≤ s_N = T, known as cu_seqlens. Each has a state. */
  readonly sequences?: Int32Array | undefined;
  /** The lengths of the sequences of a padded batch. It excludes `sequences`. */
  readonly padding?: Padding | undefined;
}

/** The cotangents of output and final state. An absent one counts as 0. */
export type CausalConvCotangents<T extends Tensor = Tensor> = Cotangents<T>;
