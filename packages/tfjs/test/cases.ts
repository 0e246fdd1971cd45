import * as layers from "@dlrt/linear-attention";
import * as ours from "../src/index.js";
import { numbers, type Numbers } from "./support.js";

const [B, T, H, K, V] = [2, 19, 2, 4, 6];

/** An operation as @dlrt/tfjs has it, the same as @dlrt/linear-attention has it, and inputs for both. */
export interface Case {
  readonly name: string;
  readonly operation: (
    backend: never,
    inputs: never,
    options: never,
  ) => { output: never; finalState?: never };
  readonly forward: (backend: never, inputs: never, options: never) => { output: never; finalState?: never };
  readonly backward: (backend: never, inputs: never, cotangents: never, options: never) => object;
  readonly inputs: Numbers;
  readonly options: object;
  readonly initialState: Numbers[string];
}

const query = numbers(1, [B, T, H * K]);
const key = numbers(2, [B, T, H * K]);
const value = numbers(3, [B, T, H * V]);
const beta = numbers(4, [B, T, H], (x) => x / 2 + 0.5);
const decay = numbers(5, [B, T, H], (x) => x - 1);
const perChannel = numbers(6, [B, T, H * K], (x) => x - 1);
const state = numbers(7, [B * H, K, V]);
const qkv = { query, key, value };
const normalized = { heads: { query: H }, normalizeKeys: true };

function layer(name: string, inputs: Numbers, options: object = normalized): Case {
  const of = (from: object, which: string): never => (from as Record<string, unknown>)[which] as never;
  return {
    name,
    operation: of(ours, name),
    forward: of(layers, name),
    backward: of(layers, `${name}Vjp`),
    inputs,
    options,
    initialState: state,
  };
}

export const cases: readonly Case[] = [
  layer("deltaRule", { ...qkv, beta }),
  layer("gatedDeltaRule", { ...qkv, beta, decay }),
  layer("kimiDeltaAttention", { ...qkv, beta, decay: perChannel }),
  layer("gla", { ...qkv, decay: perChannel }, { heads: { query: H } }),
  layer("linearAttention", qkv, { heads: { query: H }, scale: 0.5 }),
  {
    ...layer(
      "causalConv",
      { x: numbers(8, [B, T, 5]), weight: numbers(9, [5, 1, 4]), bias: numbers(10, [1, 1, 5]) },
      { activation: "silu" },
    ),
    initialState: numbers(11, [B, 3, 5]),
  },
];

/** The operations with a single result, which have no state. */
export const pieces: readonly Omit<Case, "initialState">[] = [
  layer("l2Norm", { x: query }, { heads: H }),
  layer(
    "gatedRmsNorm",
    { x: value, gate: numbers(12, [B, T, H * V]), weight: numbers(13, [1, 1, V]) },
    { heads: H },
  ),
  layer("gdnGate", { a: beta, aLog: numbers(14, [1, 1, H]), dtBias: numbers(15, [1, 1, H]) }, {}),
  layer("kdaGate", { x: query, aLog: numbers(16, [1, 1, H]), dtBias: numbers(17, [1, 1, H * K]) }, {}),
  layer("betaGate", { b: decay }, { scale: 2 }),
];
