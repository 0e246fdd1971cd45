import { gates, randomInput } from "../workload/gates.js";
import { normalise, Random } from "../workload/random.js";
import { LAYER_DECAY, type LayerName, type TaskName } from "./names.js";

/** One sequence through a layer whose query, key, value and state have the same number of heads. */
export interface LayerSizes {
  readonly tokens: number;
  readonly heads: number;
  readonly K: number;
  readonly V: number;
}

export interface LayerRequest extends LayerSizes {
  readonly task: TaskName;
  readonly layer: LayerName;
  /** Which model has these sizes. */
  readonly about: string;
}

/** A layer's arrays as a model has them, packed [1, T, H·D], f32. */
export interface LayerProblem extends LayerRequest {
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly beta: Float32Array;
  /** [1, T, H], or [1, T, H·K] in KDA; none in DeltaNet. */
  readonly decay?: Float32Array | undefined;
  /** The state before the token, [H, K, V]; present in decoding. */
  readonly past?: Float32Array | undefined;
  /** The cotangent of the output, [1, T, H·V]; present in training. */
  readonly cotangent?: Float32Array | undefined;
}

const normal = (random: Random, length: number): Float32Array => {
  const x = new Float32Array(length);
  random.fillNormal(x, 1);
  return x;
};

/** Rows of length 1, as the L2 norm in front of these layers makes them. */
function unitRows(random: Random, rows: number, width: number): Float32Array {
  const x = normal(random, rows * width);
  for (let row = 0; row < rows; row++) normalise(x, row * width, width);
  return x;
}

/** [H, T, columns] → [T, H·columns] */
function packed(x: ArrayLike<number>, { tokens, heads }: LayerSizes): Float32Array {
  const columns = x.length / (tokens * heads);
  return Float32Array.from({ length: x.length }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return x[((row % heads) * tokens + Math.floor(row / heads)) * columns + column]!;
  });
}

/** Gates as models initialise them, one a head or one a channel. */
function decayOf({ layer, tokens, heads, K }: LayerRequest, seed: number): Float32Array | undefined {
  const decay = layer === "softmax" ? "none" : LAYER_DECAY[layer];
  const request = { batch: heads, n: tokens, r: K, p: 1, dtype: "f32", seed, decay } as const;
  const g = gates(request, randomInput(seed));
  return g && packed(g, { tokens, heads, K, V: 1 });
}

/** Unit queries and keys, normal values, β = σ of normal numbers. */
export function layerProblem(request: LayerRequest, seed: number): LayerProblem {
  const { task, tokens, heads, K, V } = request;
  const random = new Random(seed);
  const rows = tokens * heads;
  const query = unitRows(random, rows, K);
  const key = unitRows(random, rows, K);
  const value = normal(random, rows * V);
  const beta = normal(random, rows).map((x) => 1 / (1 + Math.exp(-x)));
  const decay = decayOf(request, seed);
  return {
    ...request,
    query,
    key,
    value,
    beta,
    ...(decay && { decay }),
    ...(task === "decoding" && { past: normal(random, heads * K * V) }),
    ...(task === "training" && { cotangent: normal(random, rows * V) }),
  };
}

/** Sᵀk, S + k wᵀ and Sᵀq: 6KV a token and head. Softmax attention: 2(K + V) a pair of tokens of which one sees the other. */
export const layerFlops = ({ layer, tokens, heads, K, V }: LayerSizes & { layer: LayerName }): number =>
  layer === "softmax" ? tokens * (tokens + 1) * heads * (K + V) : 6 * tokens * heads * K * V;
