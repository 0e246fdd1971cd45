import { Random } from "../random.js";
import type { Arrays, Kind } from "./definition.js";
import {
  headsOf,
  shapeOf,
  stateCount,
  widthOf,
  outputShape,
  type Decay,
  type LayerProblem,
} from "./problem.js";

/** The numbers of a problem. They are the same for f32 and f64, because every one of them is an f32. */
export interface LayerData {
  readonly inputs: Arrays;
  /** [N·heads, K, V]; absent: 0 */
  readonly initialState?: Float64Array | undefined;
}

/** The cotangents of a layer's results. */
export interface LayerCotangents {
  readonly output: Float64Array;
  readonly finalState: Float64Array;
}

const MIXTURE = [0, -1e-8, -3, -5.6, -20, -100, -Infinity];

function gateFrom(decay: Decay, random: Random): number {
  if (decay === "mixed") return random.pick(MIXTURE);
  if (decay === "model") return -Math.abs(0.4 * random.normal());
  return decay;
}

/** Δ may be 0, and 0 · ∞ is no gate; A therefore forgets by e^−1000, which is 0 in every dtype. */
const rateFrom = (decay: Decay, random: Random): number =>
  decay === "model" ? -Math.abs(random.normal()) : Math.max(gateFrom(decay, random), -1000);

/** Draws keys [rows·heads, width]. Their rows have length 1 unless `keys` says otherwise. */
function keysFrom({ keys }: LayerProblem, random: Random, count: number, width: number): Float64Array {
  const out = new Float64Array(count * width);
  const common = random.fillNormal(new Float64Array(width));
  for (let at = 0; at < count; at++) {
    const row = out.subarray(at * width, (at + 1) * width);
    random.fillNormal(row);
    if (keys === "zero" || (keys === "some zero" && at % 3 === 1)) row.fill(0);
    if (keys === "one") row.set(common);
    if (keys === "correlated") row.forEach((value, i) => (row[i] = 0.4 * value + 0.9 * common[i]!));
    const norm = Math.hypot(...row) || 1;
    row.forEach((value, i) => (row[i] = value / norm));
  }
  return out;
}

function numbersOf(problem: LayerProblem, kind: Kind, random: Random): Float64Array {
  const [batch, rows, cols] = shapeOf(problem, kind);
  const width = widthOf(problem, kind);
  const { beta, decay } = problem;
  const fill = (next: () => number): Float64Array => Float64Array.from({ length: batch * rows * cols }, next);
  switch (kind) {
    case "query":
      return keysFrom({ ...problem, keys: "unit" }, random, batch * rows * headsOf(problem, kind), width);
    case "key":
      return keysFrom(problem, random, batch * rows * headsOf(problem, kind), width);
    case "value":
    case "D":
      return fill(() => random.normal());
    case "beta":
    case "erase":
    case "write":
      return fill(() => (beta === "model" ? random.uniform() : beta));
    case "a":
    case "b":
      return fill(() => (0.5 / Math.sqrt(width)) * random.normal());
    case "g":
    case "gChannel":
      return fill(() => gateFrom(decay, random));
    case "A":
      return fill(() => rateFrom(decay, random));
  }
}

/**
 * Draws the transition of RWKV-7: a = −κ and b = κ ∘ η, where κ is a key and η is drawn as β. It removes what κ finds.
 */
function removing(problem: LayerProblem, random: Random): Pick<Arrays, "a" | "b"> {
  const [batch, rows, cols] = shapeOf(problem, "a");
  const { keyWidth, beta } = problem;
  const kappa = keysFrom(problem, random, keyWidth === 0 ? 0 : (batch * rows * cols) / keyWidth, keyWidth);
  return {
    a: kappa.map((value) => -value),
    b: kappa.map((value) => value * (beta === "model" ? random.uniform() : beta)),
  };
}

export function makeData(problem: LayerProblem): LayerData {
  const { layer, keyWidth, valueWidth, seed, stateful } = problem;
  const random = new Random(seed);
  const inputs: Record<string, Float64Array> = {};
  for (const [name, kind] of Object.entries(layer.inputs)) inputs[name] = numbersOf(problem, kind, random);
  if (layer.name === "rwkv7") Object.assign(inputs, removing(problem, random));
  for (const array of Object.values(inputs)) array.forEach((value, at) => (array[at] = Math.fround(value)));
  if (!stateful) return { inputs };
  const state = random.fillNormal(new Float64Array(stateCount(problem) * keyWidth * valueWidth));
  return { inputs, initialState: state.map(Math.fround) };
}

export function makeCotangents(problem: LayerProblem): LayerCotangents {
  const random = new Random(problem.seed + 7919);
  const normal = (count: number): Float64Array => random.fillNormal(new Float64Array(count)).map(Math.fround);
  const [batch, tokens, cols] = outputShape(problem);
  return {
    output: normal(batch * tokens * cols),
    finalState: normal(stateCount(problem) * problem.keyWidth * problem.valueWidth),
  };
}
