import { ShapeError, ValueError } from "@dlrt/core";
import { checkCount, checkFlag, checkOptions, describe } from "@dlrt/core/backend";
import type * as tf from "@tensorflow/tfjs";

/**
 * The configuration of a `GatedDeltaNet`: the options that flash-linear-attention has for it, in JavaScript's spelling, and those of every
 * layer of TensorFlow.js.
 */
export interface GatedDeltaNetConfig {
  /** K, the columns of a head's query and key. Default 256. */
  readonly headDim?: number | undefined;
  /** The heads of query and key. Default 6. */
  readonly numHeads?: number | undefined;
  /** The heads of value and state, a multiple of `numHeads`. Default: `numHeads`. */
  readonly numVHeads?: number | undefined;
  /** A head's value has V = `expandV` · K columns, a whole number. Default 2. */
  readonly expandV?: number | undefined;
  /** Whether the output is multiplied by a gate, the SiLU of a projection of the input. Default true. */
  readonly useGate?: boolean | undefined;
  /** Whether query, key and value go through a causal convolution before their SiLU. Default true. */
  readonly useShortConv?: boolean | undefined;
  /** The taps of the convolution. Default 4. */
  readonly convSize?: number | undefined;
  /** Whether the convolution adds a bias. Default false. */
  readonly convBias?: boolean | undefined;
  /** Whether β goes from 0 to 2, so that the state may have negative eigenvalues. Default false: from 0 to 1. */
  readonly allowNegEigval?: boolean | undefined;
  /** What the norm before the last projection adds to the mean of squares. Default 1e-5. */
  readonly normEps?: number | undefined;
  /** The seed from which the first weights are drawn. Default: each layer draws others. */
  readonly seed?: number | undefined;
  readonly name?: string | undefined;
  readonly trainable?: boolean | undefined;
  readonly inputShape?: tf.Shape | undefined;
  readonly batchInputShape?: tf.Shape | undefined;
}

const ownNames = [
  "headDim",
  "numHeads",
  "numVHeads",
  "expandV",
  "useGate",
  "useShortConv",
  "convSize",
  "convBias",
  "allowNegEigval",
  "normEps",
  "seed",
] as const;

/** The options that TensorFlow.js hands to every layer. */
const layerNames = [
  "name",
  "trainable",
  "inputShape",
  "batchInputShape",
  "batchSize",
  "dtype",
  "inputDType",
  "updatable",
  "weights",
  "customObjects",
];

/** A configuration in which only the width of the input is open. */
export type Settings = {
  readonly [name in Exclude<(typeof ownNames)[number], "seed">]: Exclude<
    GatedDeltaNetConfig[name],
    undefined
  >;
} & { readonly seed: number | undefined };

/** The configuration with the sizes that follow from the width of the input. */
export interface Sizes extends Settings {
  /** The columns of the input and of the output. */
  readonly hidden: number;
  /** The columns of query and key, all heads together. */
  readonly keyDim: number;
  /** The columns of the value, all heads together. */
  readonly valueDim: number;
  /** V, the columns of one head's value. */
  readonly headVDim: number;
}

/** Fills in what a configuration leaves out. @throws ValueError, which names the option at fault */
export function settingsOf(config: GatedDeltaNetConfig): Settings {
  checkOptions("config", config, [...ownNames, ...layerNames]);
  const { headDim = 256, numHeads = 6, numVHeads = numHeads, expandV = 2, convSize = 4 } = config;
  const { useGate = true, useShortConv = true, convBias = false, allowNegEigval = false } = config;
  const { normEps = 1e-5, seed } = config;
  for (const [name, count] of Object.entries({ headDim, numHeads, numVHeads, convSize }))
    checkCount(name, count);
  for (const [name, flag] of Object.entries({ useGate, useShortConv, convBias, allowNegEigval }))
    checkFlag(name, flag);
  if (numVHeads % numHeads !== 0)
    throw new ValueError("numVHeads", `a multiple of ${numHeads} heads`, describe(numVHeads));
  if (!Number.isSafeInteger(headDim * expandV) || headDim * expandV < 1)
    throw new ValueError("expandV", `a multiple of 1/${headDim}`, describe(expandV));
  if (!(Number.isFinite(normEps) && normEps > 0))
    throw new ValueError("normEps", "a number > 0", describe(normEps));
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw new ValueError("seed", "an integer", describe(seed));
  return {
    ...{ headDim, numHeads, numVHeads, expandV, convSize },
    ...{ useGate, useShortConv, convBias, allowNegEigval, normEps, seed },
  };
}

/** Returns the sizes for an input [B, T, hidden]. @throws ShapeError for an input of other axes */
export function sizesOf(settings: Settings, inputShape: tf.Shape | tf.Shape[]): Sizes {
  const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tf.Shape;
  const hidden = shape[2];
  if (shape.length !== 3 || typeof hidden !== "number" || hidden < 1)
    throw new ShapeError("input", "batch × tokens × columns", shape.map((size) => size ?? "any").join(" × "));
  const { headDim, numHeads, numVHeads, expandV } = settings;
  const headVDim = headDim * expandV;
  return { ...settings, hidden, keyDim: numHeads * headDim, valueDim: numVHeads * headVDim, headVDim };
}
