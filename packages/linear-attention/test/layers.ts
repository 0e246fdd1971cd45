import type { Backend, FloatArray, HostTensor } from "@dlrt/core";
import * as layers from "../src/index.js";
import * as reference from "../src/reference/index.js";
import type { ReferenceProblem, ReferenceResult } from "../src/reference/index.js";
import type { Cotangents, LayerOptions, LayerResult, VjpOptions } from "../src/index.js";
import { randomFrom } from "../../../tooling/random.mjs";

export type Arrays = Readonly<Record<string, Float64Array>>;
type Tensors = Record<string, HostTensor>;

/** The kinds of random inputs, by which they are drawn. Those of "g" and "gChannel" are logarithms of decays. */
type Kind =
  | "query"
  | "key"
  | "value"
  | "head"
  | "channel"
  | "column"
  | "a"
  | "b"
  | "g"
  | "gChannel"
  | "A"
  | "D";

export interface Layer {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Kind>>;
  /** The rows of key, value and β for each token. Default 1. */
  readonly steps?: number;
  forward(
    backend: Backend<HostTensor>,
    inputs: Tensors,
    options: LayerOptions<HostTensor>,
  ): LayerResult<HostTensor>;
  backward(
    backend: Backend<HostTensor>,
    inputs: Tensors,
    cotangents: Cotangents<HostTensor>,
    options: VjpOptions<HostTensor>,
  ): Readonly<Record<string, HostTensor>>;
  reference(problem: ReferenceProblem, inputs: Arrays): ReferenceResult;
}

const QKV = { query: "query", key: "key", value: "value" } as const;

type PieceName = "betaGate" | "causalConv" | "gatedRmsNorm" | "gdnGate" | "kdaGate" | "l2Norm";

/** Makes a case of a layer and its reference, whose signatures differ from those of others in the names of inputs only. */
const entry = (
  name: Exclude<keyof typeof reference & keyof typeof layers, PieceName | "onnxLinearAttention">,
  inputs: Layer["inputs"],
  steps?: number,
): Layer =>
  ({
    name: steps === undefined ? name : `${name}, ${steps} steps`,
    inputs,
    steps,
    forward: layers[name],
    backward: layers[`${name}Vjp`],
    reference: (problem: ReferenceProblem, arrays: Arrays) =>
      (reference[name] as (p: ReferenceProblem, i: Arrays, steps?: number) => ReferenceResult)(
        problem,
        arrays,
        steps,
      ),
  }) as unknown as Layer;

const every: readonly Layer[] = [
  entry("linearAttention", QKV),
  entry("simpleGla", { ...QKV, decay: "g" }),
  entry("gla", { ...QKV, decay: "gChannel" }),
  entry("retention", QKV),
  entry("ssd", { x: "value", dt: "head", A: "A", B: "key", C: "query", D: "D" }),
  entry("deltaRule", { ...QKV, beta: "head" }),
  entry("gatedDeltaRule", { ...QKV, beta: "head", decay: "g" }),
  entry("kimiDeltaAttention", { ...QKV, beta: "head", decay: "gChannel" }),
  entry("gatedDeltaRule2", { ...QKV, erase: "channel", write: "column", decay: "gChannel" }),
  entry("gatedDeltaProduct", { ...QKV, beta: "head", decay: "g" }, 2),
  entry("gatedDeltaProduct", { ...QKV, beta: "head" }, 3),
  entry("comba", { ...QKV, erase: "key", beta: "head", decay: "g" }),
  entry("dplr", { ...QKV, a: "a", b: "b", decay: "gChannel" }),
  entry("rwkv7", { r: "query", w: "gChannel", k: "key", v: "value", a: "a", b: "b" }),
];

/** The layers that a backend's own kernel, `deltaRule`, may compute. device.test.ts compares this list with the kernels that are called. */
const erasing = [
  "deltaRule",
  "gatedDeltaRule",
  "kimiDeltaAttention",
  "gatedDeltaRule2",
  "gatedDeltaProduct",
  "comba",
];
export const hasKernel = ({ name }: Layer): boolean => erasing.includes(name.split(",")[0]!);

/** Whether an input is a parameter, [1, 1, H], which is one row for all tokens. */
export const isParameter = (layer: Layer, name: string): boolean => /^[AD]$/.test(layer.inputs[name]!);

/** The layers under test. Where DLRT_LAYERS is "erasing", only those are that are computed in another way without that kernel. */
export const all: readonly Layer[] =
  process.env["DLRT_LAYERS"] === "erasing" ? every.filter(hasKernel) : every;

export const named = (name: string): Layer => every.find((layer) => layer.name === name)!;

/** How the logarithms of decays are drawn: all are one number, or they are a mixture of extremes, or as models have them. */
export type Decay = number | "mixed" | "typical";

const mixture = [0, -1e-8, -3, -20, -100, -Infinity];

function decayOf(decay: Decay, random: () => number): number {
  if (decay === "typical") return -0.5 * (random() + 1);
  if (decay === "mixed") return mixture[Math.floor(((random() + 1) / 2) * mixture.length) % mixture.length]!;
  return decay;
}

/** Returns the rows of an input for each token. */
const stepsOf = ({ steps = 1 }: Layer, kind: Kind): number =>
  kind === "key" || kind === "value" || kind === "head" ? steps : 1;

/** Draws the inputs of a layer in float64. Their numbers are float32, so that they are the same in both dtypes. */
export function inputsOf(layer: Layer, problem: ReferenceProblem, decay: Decay, seed: number): Arrays {
  const { batch, tokens, heads, keyWidth: K, valueWidth: V } = problem;
  const random = randomFrom(seed);
  const stateHeads = Math.max(heads.key, heads.value);
  const unit = Math.sqrt(3 / Math.max(1, K)); // the factor that gives rows of K random numbers a length of about 1
  const make = (kind: Kind, name: string): Float64Array => {
    const rows = batch * tokens * stepsOf(layer, kind);
    const fill = (size: number, next: () => number) =>
      Float64Array.from({ length: size }, () => Math.fround(next()));
    switch (kind) {
      case "query":
        return fill(rows * heads.query * K, random);
      case "key":
        return fill(rows * heads.key * K, () => unit * random());
      case "value":
        return fill(rows * heads.value * V, random);
      case "head":
        return fill(rows * stateHeads, () => (random() + 1) / 2);
      case "channel":
        return fill(rows * stateHeads * K, () => (random() + 1) / 2);
      case "column":
        return fill(rows * stateHeads * V, () => (random() + 1) / 2);
      case "a":
      case "b":
        return fill(rows * stateHeads * K, () => 0.6 * unit * random());
      case "g":
        return fill(rows * stateHeads, () => decayOf(decay, random));
      case "gChannel":
        return fill(rows * stateHeads * K, () => decayOf(decay, random));
      case "A":
        return fill(stateHeads, () =>
          decayOf(decay === -Infinity ? -1000 : decay === "mixed" ? -3 : decay, random),
        );
      case "D":
        return fill(stateHeads, random);
      default:
        throw new Error(name satisfies string);
    }
  };
  return Object.fromEntries(Object.entries(layer.inputs).map(([name, kind]) => [name, make(kind, name)]));
}

/** Uploads the inputs of a layer: parameters as [1, 1, H], all others as [B, rows, columns]. */
export function upload(
  backend: Backend<HostTensor>,
  layer: Layer,
  problem: ReferenceProblem,
  arrays: Arrays,
  dtype: "f32" | "f64",
): Tensors {
  const { batch, tokens, heads, keyWidth: K, valueWidth: V } = problem;
  const stateHeads = Math.max(heads.key, heads.value);
  const columns: Record<Kind, number> = {
    query: heads.query * K,
    key: heads.key * K,
    value: heads.value * V,
    head: stateHeads,
    channel: stateHeads * K,
    column: stateHeads * V,
    a: stateHeads * K,
    b: stateHeads * K,
    g: stateHeads,
    gChannel: stateHeads * K,
    A: stateHeads,
    D: stateHeads,
  };
  return Object.fromEntries(
    Object.entries(layer.inputs).map(([name, kind]) => {
      const shape = isParameter(layer, name)
        ? ([1, 1, stateHeads] as const)
        : ([batch, tokens * stepsOf(layer, kind), columns[kind]] as const);
      return [name, backend.upload({ data: typed(arrays[name]!, dtype), shape })];
    }),
  );
}

export const typed = (x: Float64Array, dtype: "f32" | "f64"): FloatArray =>
  dtype === "f32" ? new Float32Array(x) : new Float64Array(x);

/** Returns the shape of the states, [N·heads, K, V]. */
export function stateShape({ batch, heads, keyWidth, valueWidth, sequences }: ReferenceProblem) {
  const count = (sequences ? sequences.length - 1 : batch) * Math.max(heads.key, heads.value);
  return [count, keyWidth, valueWidth] as const;
}

/** Returns the largest difference, relative to the largest magnitude that is expected, or to 1 where that is 0. */
export function errorOf(got: FloatArray, expected: Float64Array): number {
  let [difference, size] = [0, 0];
  if (got.length !== expected.length) return Infinity;
  for (let i = 0; i < got.length; i++) {
    const d = Math.abs(got[i]! - expected[i]!);
    if (!(d <= difference)) difference = Number.isNaN(d) ? Infinity : d;
    size = Math.max(size, Math.abs(expected[i]!));
  }
  return difference / (size || 1);
}
