import type { Backend, Shape, Tensor } from "@dlrt/core";
import * as pieces from "../src/index.js";
import * as reference from "../src/reference/index.js";
import { randomFrom } from "../../../tooling/random.mjs";
import { betaTerms, convTerms, gateTerms, normTerms } from "./piece-conditions.js";

type Arrays = Readonly<Record<string, Float64Array>>;
type Tensors = Readonly<Record<string, Tensor | undefined>>;
interface Results<A> {
  readonly output: A;
  readonly finalState?: A;
}

/** A call of a small piece and what it should give. The arrays hold float32 numbers, so that both dtypes get the same. */
export interface PieceCase {
  readonly name: string;
  readonly shapes: Readonly<Record<string, Shape>>;
  forward(backend: Backend, inputs: Tensors): Results<Tensor>;
  backward(backend: Backend, inputs: Tensors, cotangents: Tensors): Tensors;
  reference(inputs: Arrays): Results<Float64Array>;
  /** Returns the condition of each element of the output: by how many ε it moves, to first order, if every input and every step is off by ε. */
  condition(inputs: Arrays): Float64Array;
  /** Returns the condition of each element of each gradient: the sum of the magnitudes of its terms. */
  gradientTerms(inputs: Arrays, cotangents: Arrays): Record<string, Float64Array>;
  /** The largest magnitude of each random input. Default 1 */
  readonly size?: Readonly<Record<string, number>>;
}

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** Maps the elements of an array [B, T, columns], each with its column. */
const columnsOf = (
  x: Float64Array,
  columns: number,
  f: (value: number, column: number) => number,
): Float64Array => x.map((value, at) => f(value, at % columns));

const B = 2;
const T = 7;

function gate(name: string, heads: number, width: number, lowerBound?: number): PieceCase {
  const cols = heads * width;
  const perChannel = name.startsWith("kda");
  const first = perChannel ? "x" : "a";
  return {
    name,
    shapes: { [first]: [B, T, cols], aLog: [1, 1, heads], dtBias: [1, 1, cols] },
    size: { [first]: 6, aLog: 3, dtBias: 4 },
    forward: (backend, { a, x, aLog, dtBias }) => ({
      output: perChannel
        ? pieces.kdaGate(backend, { x: x!, aLog: aLog!, dtBias: dtBias! }, { lowerBound })
        : pieces.gdnGate(backend, { a: a!, aLog: aLog!, dtBias: dtBias! }),
    }),
    backward: (backend, { a, x, aLog, dtBias }, cotangents) =>
      perChannel
        ? pieces.kdaGateVjp(backend, { x: x!, aLog: aLog!, dtBias: dtBias! }, cotangents, { lowerBound })
        : { ...pieces.gdnGateVjp(backend, { a: a!, aLog: aLog!, dtBias: dtBias! }, cotangents) },
    reference: ({ a, x, aLog, dtBias }) => ({
      output: perChannel
        ? reference.kdaGate(x!, aLog!, dtBias!, lowerBound)
        : reference.gdnGate(a!, aLog!, dtBias!),
    }),
    condition: ({ a, x, aLog, dtBias }) =>
      columnsOf((x ?? a)!, cols, (value, column) => {
        const log = aLog![Math.floor(column / width)]!;
        const bias = dtBias![column]!;
        const [rate, z, sum] = [Math.exp(log), value + bias, Math.abs(value) + Math.abs(bias)];
        if (lowerBound === undefined)
          return rate * (Math.log1p(Math.exp(z)) * (1 + Math.abs(log)) + sigmoid(z) * sum);
        const s = sigmoid(rate * z);
        return -lowerBound * (s + s * sigmoid(-rate * z) * rate * sum * (1 + Math.abs(log)));
      }),
    gradientTerms: (arrays, bars) => gateTerms(first, lowerBound, arrays, bars),
  };
}

function betaGate(scale: number): PieceCase {
  return {
    name: `betaGate, scale ${scale}`,
    shapes: { b: [B, T, 3] },
    size: { b: 8 },
    forward: (backend, { b }) => ({ output: pieces.betaGate(backend, { b: b! }, { scale }) }),
    backward: (backend, { b }, cotangents) => ({
      ...pieces.betaGateVjp(backend, { b: b! }, cotangents, { scale }),
    }),
    reference: ({ b }) => ({ output: reference.betaGate(b!, scale) }),
    condition: ({ b }) => reference.betaGate(b!, scale).map((beta, at) => beta * (1 + Math.abs(b![at]!))),
    gradientTerms: (arrays, bars) => betaTerms(scale, arrays, bars),
  };
}

function l2Norm(heads: number, width: number, eps: number): PieceCase {
  return {
    name: `l2Norm, ${heads} heads of ${width}, eps ${eps}`,
    shapes: { x: [B, T, heads * width] },
    forward: (backend, { x }) => ({ output: pieces.l2Norm(backend, { x: x! }, { heads, eps }) }),
    backward: (backend, { x }, cotangents) => ({
      ...pieces.l2NormVjp(backend, { x: x! }, cotangents, { heads, eps }),
    }),
    reference: ({ x }) => ({ output: reference.l2Norm(x!, width, eps) }),
    condition: ({ x }) => reference.l2Norm(x!, width, eps).map(Math.abs),
    gradientTerms: (arrays, bars) => normTerms({ width, eps, divisor: 1, activation: "silu" }, arrays, bars),
  };
}

function norm(
  inputs: readonly ("gate" | "weight")[],
  activation: "silu" | "sigmoid",
  heads: number,
  width: number,
): PieceCase {
  const eps = 1e-5;
  const options = { heads, eps, activation };
  const shape: Shape = [B, T, heads * width];
  const all = { x: shape, gate: shape, weight: [1, 1, width] as const };
  const value = ({ x, gate, weight }: Arrays): Float64Array =>
    reference.gatedRmsNorm({ x: x!, gate, weight }, width, eps, activation);
  return {
    name: `gatedRmsNorm, ${["x", ...inputs].join(", ")}, ${activation}`,
    shapes: Object.fromEntries((["x", ...inputs] as const).map((name) => [name, all[name]])),
    size: { gate: 4 },
    forward: (backend, { x, gate, weight }) => ({
      output: pieces.gatedRmsNorm(backend, { x: x!, gate, weight }, options),
    }),
    backward: (backend, { x, gate, weight }, cotangents) => ({
      ...pieces.gatedRmsNormVjp(backend, { x: x!, gate, weight }, cotangents, options),
    }),
    reference: (arrays) => ({ output: value(arrays) }),
    condition: (arrays) => value(arrays).map(Math.abs),
    gradientTerms: (arrays, bars) => normTerms({ width, eps, divisor: width, activation }, arrays, bars),
  };
}

function conv(
  taps: number,
  tokens: number,
  activation: "none" | "silu",
  inputs: readonly ("bias" | "initialState")[],
  sequences?: Int32Array,
): PieceCase {
  const [batch, channels] = [sequences ? 1 : B, 5];
  const count = sequences ? sequences.length - 1 : batch;
  const all = {
    x: [batch, tokens, channels],
    weight: [channels, 1, taps],
    bias: [1, 1, channels],
    initialState: [count, taps - 1, channels],
  } as const;
  const problem = { batch, tokens, channels, taps, activation, sequences };
  return {
    name: `causalConv, ${taps} taps, ${tokens} tokens, ${["x", "weight", ...inputs].join(", ")}, ${activation}${sequences ? `, sequences ${sequences.join(" ")}` : ""}`,
    shapes: Object.fromEntries((["x", "weight", ...inputs] as const).map((name) => [name, all[name]])),
    forward: (backend, { x, weight, bias, initialState }) =>
      pieces.causalConv(
        backend,
        { x: x!, weight: weight!, bias },
        { activation, sequences, initialState, finalState: true },
      ) as Results<Tensor>,
    backward: (backend, { x, weight, bias, initialState }, cotangents) => ({
      ...pieces.causalConvVjp(backend, { x: x!, weight: weight!, bias }, cotangents, {
        ...{ activation, sequences, initialState },
      }),
    }),
    reference: (arrays) =>
      reference.causalConv(problem, arrays as Parameters<typeof reference.causalConv>[1]),
    condition: (arrays) => {
      const absolute = Object.fromEntries(
        Object.entries(arrays).map(([name, array]) => [name, array.map(Math.abs)]),
      ) as Parameters<typeof reference.causalConv>[1];
      // The slope of silu is below 1.1 in magnitude, and the rounding of the activation itself adds one ε of its result, which is no larger than y.
      const factor = activation === "silu" ? 2.1 : 1;
      const sums = reference.causalConv({ ...problem, activation: "none" }, absolute).output;
      return sums.map((value) => factor * value);
    },
    gradientTerms: (arrays, bars) => convTerms(problem, arrays, bars),
  };
}

export const cases: readonly PieceCase[] = [
  betaGate(1),
  betaGate(2),
  gate("gdnGate", 3, 1),
  gate("kdaGate", 2, 5),
  gate("kdaGate, lower bound −5", 2, 5, -5),
  l2Norm(1, 12, 1e-6),
  l2Norm(3, 4, 1e-6),
  l2Norm(2, 130, 0.5),
  norm([], "silu", 2, 6),
  norm(["gate"], "silu", 2, 6),
  norm(["weight"], "silu", 3, 4),
  norm(["gate", "weight"], "silu", 3, 4),
  norm(["gate", "weight"], "sigmoid", 1, 70),
  conv(4, T, "silu", ["bias", "initialState"]),
  conv(4, T, "none", ["bias", "initialState"]),
  conv(4, T, "silu", []),
  conv(1, T, "silu", ["bias", "initialState"]),
  conv(4, 2, "silu", ["initialState"]),
  conv(3, 1, "none", ["bias"]),
  conv(4, 9, "silu", ["bias", "initialState"], Int32Array.of(0, 2, 2, 3, 9)),
  conv(2, 9, "silu", [], Int32Array.of(0, 9)),
];

/** Draws the inputs of a case. */
export function arraysOf({ shapes, size = {} }: PieceCase, seed: number): Record<string, Float64Array> {
  const random = randomFrom(seed);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, [batch, rows, cols]]) => [
      name,
      Float64Array.from({ length: batch * rows * cols }, () => Math.fround((size[name] ?? 1) * random())),
    ]),
  );
}
