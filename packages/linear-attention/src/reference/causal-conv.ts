import { sigmoid } from "./scalars.js";

/** The sizes of a convolution, whose arrays are [B, T, C] row by row. */
export interface CausalConvProblem {
  readonly batch: number;
  readonly tokens: number;
  readonly channels: number;
  /** k */
  readonly taps: number;
  readonly activation?: "none" | "silu" | undefined;
  /** Bounds of packed sequences, 0 = s₀ ≤ … ≤ s_N = T, of a batch of 1. */
  readonly sequences?: Int32Array | undefined;
}

/**
 * y_t = bias + Σ_j weight_j X_{t+j} for every channel by itself, X the k − 1 tokens of the initial state followed by x, and z σ(z) of that
 * with "silu". The final state is the last k − 1 tokens of X.
 *
 * The operator CausalConvWithState of ONNX (opset 27), in the order [B, T, C]:
 * https://onnx.ai/onnx/operators/onnx__CausalConvWithState.html
 * @param inputs have weight as [C, k] and initialState as [N, k − 1, C]
 */
export function causalConv(
  { batch, tokens, channels, taps, activation = "none", sequences }: CausalConvProblem,
  inputs: {
    readonly x: Float64Array;
    readonly weight: Float64Array;
    readonly bias?: Float64Array | undefined;
    readonly initialState?: Float64Array | undefined;
  },
): { readonly output: Float64Array; readonly finalState: Float64Array } {
  const { x, weight, bias, initialState } = inputs;
  const bounds = sequences ?? Int32Array.from({ length: batch + 1 }, (_, b) => b * tokens);
  const kept = (taps - 1) * channels;
  const output = new Float64Array(x.length);
  const finalState = new Float64Array((bounds.length - 1) * kept);
  for (let n = 0; n + 1 < bounds.length; n++) {
    const [from, to] = [bounds[n]! * channels, bounds[n + 1]! * channels];
    const all = new Float64Array(kept + to - from);
    if (initialState) all.set(initialState.subarray(n * kept, (n + 1) * kept));
    all.set(x.subarray(from, to), kept);
    for (let at = from; at < to; at++) {
      const channel = at % channels;
      let y = bias?.[channel] ?? 0;
      for (let j = 0; j < taps; j++) y += weight[channel * taps + j]! * all[at - from + j * channels]!;
      output[at] = activation === "silu" ? y * sigmoid(y) : y;
    }
    finalState.set(all.subarray(all.length - kept), n * kept);
  }
  return { output, finalState };
}
