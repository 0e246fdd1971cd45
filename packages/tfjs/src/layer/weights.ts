import * as tf from "@tensorflow/tfjs";
import type { Sizes } from "./config.js";

/** A weight of the layer and its first value. */
export interface Weight {
  readonly shape: number[];
  /** Makes the first value, drawn from `seed` where there is one. */
  first(shape: number[], seed: number | undefined): tf.Tensor;
}

const uniform =
  (bound: number): Weight["first"] =>
  (shape, seed) =>
    tf.randomUniform(shape, -bound, bound, "float32", seed);

/** The weight of a projection [out, in]. Its first value is uniform within ±1/√in, as PyTorch begins. */
const projection = (out: number, inside: number): Weight => ({
  shape: [out, inside],
  first: uniform(1 / Math.sqrt(inside)),
});

/** The first A_log: logarithms of numbers between 0 and 16, so that some heads forget at once and some hardly at all. */
const firstALog: Weight["first"] = (shape, seed) =>
  tf.tidy(() => tf.randomUniform(shape, 1e-4, 16, "float32", seed).log());

/** The first dt_bias: its softplus are steps between 0.001 and 0.1, drawn evenly in their logarithms. */
const firstDtBias: Weight["first"] = (shape, seed) =>
  tf.tidy(() => {
    const step = tf.randomUniform(shape, Math.log(1e-3), Math.log(0.1), "float32", seed).exp();
    return step.add(step.neg().expm1().neg().log());
  });

/** Returns the weights by the names, and with the shapes, that the checkpoints of flash-linear-attention have. */
export function weightsOf(sizes: Sizes): Record<string, Weight> {
  const { hidden, keyDim, valueDim, headVDim, numVHeads, convSize } = sizes;
  const conv = (name: string, channels: number): Record<string, Weight> =>
    sizes.useShortConv
      ? {
          [`${name}.weight`]: { shape: [channels, 1, convSize], first: uniform(1 / Math.sqrt(convSize)) },
          ...(sizes.convBias && {
            [`${name}.bias`]: { shape: [channels], first: uniform(1 / Math.sqrt(convSize)) },
          }),
        }
      : {};
  return {
    "q_proj.weight": projection(keyDim, hidden),
    "k_proj.weight": projection(keyDim, hidden),
    "v_proj.weight": projection(valueDim, hidden),
    "a_proj.weight": projection(numVHeads, hidden),
    "b_proj.weight": projection(numVHeads, hidden),
    A_log: { shape: [numVHeads], first: firstALog },
    dt_bias: { shape: [numVHeads], first: firstDtBias },
    ...conv("q_conv1d", keyDim),
    ...conv("k_conv1d", keyDim),
    ...conv("v_conv1d", valueDim),
    ...(sizes.useGate && { "g_proj.weight": projection(valueDim, hidden) }),
    "o_norm.weight": { shape: [headVDim], first: (shape) => tf.ones(shape) },
    "o_proj.weight": projection(hidden, valueDim),
  };
}
