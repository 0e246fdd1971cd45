import type { Backend, HostTensor, Shape } from "@dlrt/core";
import * as layers from "@dlrt/linear-attention";
import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { gatedDeltaNet, type GatedDeltaNet, type GatedDeltaNetConfig } from "../src/index.js";
import { numbers } from "./support.js";

export const sizes = [2, 11, 6] as const;
const [B, T, hidden] = sizes;
export const config = { headDim: 4, numHeads: 2, numVHeads: 4, expandV: 1.5, seed: 3 };
const x = numbers(1, sizes);

/** Makes the layer's input, [B, T, hidden]. */
export const input = (): tf.Tensor => tf.tensor(x.data, [B, T, hidden]);

/** Makes a layer and builds it for that input. */
export function buildLayer(backend: Backend<HostTensor>, given: GatedDeltaNetConfig): GatedDeltaNet {
  const layer = new (gatedDeltaNet(backend))(given);
  tf.dispose(layer.apply(input()) as tf.Tensor);
  return layer;
}

/** The weights of a layer by their names, in float64. */
export type Weights = Readonly<
  Record<string, { readonly data: Float64Array; readonly shape: readonly number[] }>
>;

export function weightsOf(layer: GatedDeltaNet): Weights {
  const entries = Object.entries(layer.checkpoint());
  return Object.fromEntries(
    entries.map(([name, t]) => [name, { data: Float64Array.from(t.dataSync()), shape: t.shape }]),
  );
}

/**
 * Computes the layer's output for `input()` as flash-linear-attention defines it, in float64, by `@dlrt/linear-attention` and plain loops.
 * @param f64 computes it, and holds nothing afterwards
 */
export function definition(
  f64: Backend<HostTensor>,
  given: GatedDeltaNetConfig,
  weights: Weights,
): Float64Array {
  const { headDim = 0, numHeads = 0, numVHeads = numHeads, expandV = 2, allowNegEigval = false } = given;
  const made: HostTensor[] = [];
  const own = (t: HostTensor): HostTensor => (made.push(t), t);
  const upload = (data: Float64Array, shape: readonly number[]): HostTensor =>
    own(f64.upload({ data, shape: shape as unknown as Shape }));
  const rows = B * T;
  const project = (from: Float64Array, name: string): HostTensor => {
    const { data, shape } = weights[`${name}.weight`]!;
    const [out, inside] = shape as [number, number];
    const result = new Float64Array(rows * out);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < out; j++)
        for (let k = 0; k < inside; k++)
          result[i * out + j]! += from[i * inside + k]! * data[j * inside + k]!;
    return upload(result, [B, T, out]);
  };
  const silu = (t: HostTensor): HostTensor =>
    upload(
      Float64Array.from(t.data, (z) => z / (1 + Math.exp(-z))),
      t.shape,
    );
  const source = Float64Array.from(x.data);
  const through = (name: string): HostTensor => {
    const projected = project(source, `${name}_proj`);
    const taps = weights[`${name}_conv1d.weight`];
    if (!taps) return silu(projected);
    const bias = weights[`${name}_conv1d.bias`];
    const inputs = {
      x: projected,
      weight: upload(taps.data, taps.shape),
      bias: bias && upload(bias.data, [1, 1, bias.data.length]),
    };
    return own(layers.causalConv(f64, inputs, { activation: "silu" }).output);
  };
  const vector = (name: string): HostTensor =>
    upload(weights[name]!.data, [1, 1, weights[name]!.data.length]);
  const gate = { a: project(source, "a_proj"), aLog: vector("A_log"), dtBias: vector("dt_bias") };
  const inputs = {
    query: through("q"),
    key: through("k"),
    value: through("v"),
    beta: own(layers.betaGate(f64, { b: project(source, "b_proj") }, { scale: allowNegEigval ? 2 : 1 })),
    decay: own(layers.gdnGate(f64, gate)),
  };
  const options = { heads: { query: numHeads, value: numVHeads }, normalizeKeys: true };
  const { output } = layers.gatedDeltaRule(f64, inputs, options);
  const norm = { x: own(output), weight: vector("o_norm.weight"), gate: undefined as HostTensor | undefined };
  if (weights["g_proj.weight"]) norm.gate = project(source, "g_proj");
  const normed = own(layers.gatedRmsNorm(f64, norm, { heads: numVHeads, eps: 1e-5 }));
  expect(normed.shape[2]).toBe(numVHeads * headDim * expandV);
  const result = project(normed.data as Float64Array, "o_proj").data.slice() as Float64Array;
  for (const t of made) t.dispose();
  return result;
}
