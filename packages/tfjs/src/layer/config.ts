import { ShapeError, ValueError } from "@dlrt/core";
import { checkCount, checkFlag, checkOptions, describe } from "@dlrt/core/backend";
import type * as tf from "@tensorflow/tfjs";

/** What `GatedDeltaNet` of flash-linear-attention is configured by, in JavaScript's spelling, and the names every layer has. */
export interface GatedDeltaNetConfig {
  /** Of a head's query and key. Default 256. */
  readonly headDim?: number | undefined;
  /** Heads of query and key. Default 6. */
  readonly numHeads?: number | undefined;
  /** Heads of the values and the state, a multiple of `numHeads`. Default: as many. */
  readonly numVHeads?: number | undefined;
  /** A value has `expandV` times the columns of a key. Default 2. */
  readonly expandV?: number | undefined;
  /** The output goes through a gate, SiLU. Default true. */
  readonly useGate?: boolean | undefined;
  /** Query, key and value go through a causal convolution. Default true. */
  readonly useShortConv?: boolean | undefined;
  /** Taps of it. Default 4. */
  readonly convSize?: number | undefined;
  readonly convBias?: boolean | undefined;
  /** β from 0 to 2. Default false: from 0 to 1. */
  readonly allowNegEigval?: boolean | undefined;
  /** Default 1e-5. */
  readonly normEps?: number | undefined;
  /** Of the first weights. Default: others each time. */
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

/** What TensorFlow.js gives every layer. */
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

/** A configuration with nothing left open but the width of the input. */
export type Settings = {
  readonly [name in Exclude<(typeof ownNames)[number], "seed">]: Exclude<
    GatedDeltaNetConfig[name],
    undefined
  >;
} & { readonly seed: number | undefined };

export interface Sizes extends Settings {
  /** Columns of the input and the output. */
  readonly hidden: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly headVDim: number;
}

/** @throws ValueError */
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

/** Sizes for an input [B, T, hidden]. @throws ShapeError */
export function sizesOf(settings: Settings, inputShape: tf.Shape | tf.Shape[]): Sizes {
  const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tf.Shape;
  const hidden = shape[2];
  if (shape.length !== 3 || typeof hidden !== "number" || hidden < 1)
    throw new ShapeError("input", "batch × tokens × columns", shape.map((size) => size ?? "any").join(" × "));
  const { headDim, numHeads, numVHeads, expandV } = settings;
  const headVDim = headDim * expandV;
  return { ...settings, hidden, keyDim: numHeads * headDim, valueDim: numVHeads * headVDim, headVDim };
}
