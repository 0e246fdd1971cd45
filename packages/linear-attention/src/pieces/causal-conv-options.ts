import type { Tensor } from "@dlrt/core";
import type { Cotangents, Padding } from "../engine/options.js";

export interface CausalConvInputs<T extends Tensor = Tensor> {
  /** [B, T, C], or [B, C, T] with `layout: "bct"` */
  readonly x: T;
  /** [C, 1, k]: k taps a channel, the last of which meets the token itself */
  readonly weight: T;
  /** [1, 1, C]. Default: 0 */
  readonly bias?: T | undefined;
}

export interface CausalConvOptions<T extends Tensor = Tensor> {
  /** What the sum goes through: nothing, or z σ(z), by either name. Default "none". */
  readonly activation?: "none" | "silu" | "swish" | undefined;
  /** Of x, the output and the states. "bct" is that of ONNX. Default "btc", as everywhere else here. */
  readonly layout?: "btc" | "bct" | undefined;
  /** The k − 1 tokens before the first, [N, k − 1, C], or [N, C, k − 1] with "bct", N sequences. Default 0. */
  readonly initialState?: T | undefined;
  /** Give the last k − 1 tokens, of the initial state's too where there are fewer: true, or the tensor to write them to, which may be the `initialState`. */
  readonly finalState?: boolean | T | undefined;
  /** Bounds of sequences packed into one of B = 1: 0 = s₀ ≤ s₁ ≤ … ≤ s_N = T, known as cu_seqlens. A state each. */
  readonly sequences?: Int32Array | undefined;
  /** Sequences of a padded batch, instead of `sequences`. */
  readonly padding?: Padding | undefined;
}

/** What came back through output and final state; an absent one counts 0. */
export type CausalConvCotangents<T extends Tensor = Tensor> = Cotangents<T>;
