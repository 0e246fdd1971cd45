import { sigmoid } from "./scalars.js";

/**
 * x / √(mean(x²) + eps) ∘ w ∘ f(z) over every row of D numbers, f(z) = z σ(z) ("silu") or σ(z).
 *
 * Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467; gated after the norm as in Qwen3-Next's
 * `Qwen3NextRMSNormGated` and flash-linear-attention's `FusedRMSNormGated`.
 * @param x is [B, T, H, D], as is the gate z; where z is absent, f = 1
 * @param weight is w, D numbers; where it is absent, w = 1
 */
export function gatedRmsNorm(
  {
    x,
    gate,
    weight,
  }: {
    readonly x: Float64Array;
    readonly gate?: Float64Array | undefined;
    readonly weight?: Float64Array | undefined;
  },
  width: number,
  eps: number,
  activation: "silu" | "sigmoid" = "silu",
): Float64Array {
  return x.map((value, at) => {
    const row = x.subarray(at - (at % width), at - (at % width) + width);
    const mean = row.reduce((sum, each) => sum + each * each, 0) / width;
    const z = gate?.[at];
    const f = z === undefined ? 1 : sigmoid(z) * (activation === "silu" ? z : 1);
    return (value / Math.sqrt(mean + eps)) * (weight?.[at % width] ?? 1) * f;
  });
}
