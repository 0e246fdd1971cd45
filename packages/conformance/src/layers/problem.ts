/** One call of a layer: sizes, options, and which numbers. */
import type { ReferenceProblem } from "@dlrt/linear-attention/reference";
import type { Kind, Layer } from "./definition.js";

/** The decay: a constant gate in all places, one of several in each place, or gates as a model has them. */
export type Decay = number | "mixed" | "model";

/**
 * The keys: of length 1 in all directions, near each other, the same one throughout, some of them zero, or all zero.
 */
export type Keys = "unit" | "correlated" | "one" | "some zero" | "zero";

export interface LayerProblem {
  readonly layer: Layer;
  readonly batch: number;
  readonly tokens: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
  readonly heads: { readonly query: number; readonly key: number; readonly value: number };
  /** One β and one gate for all heads of the state, or one for each. */
  readonly gates: "shared" | "own";
  readonly keys: Keys;
  /** "model": from 0 to 1. */
  readonly beta: number | "model";
  readonly decay: Decay;
  readonly scale?: number | undefined;
  /** The eps of normalised keys. Where it is absent, keys are taken as they are. */
  readonly eps?: number | undefined;
  readonly sequences?: readonly number[] | undefined;
  readonly stateLayout: "kv" | "vk";
  /** Whether the call starts from a state, which is then overwritten by the final state. */
  readonly stateful: boolean;
  readonly seed: number;
}

export const stateHeads = ({ heads }: LayerProblem): number => Math.max(heads.key, heads.value);
export const outHeads = (problem: LayerProblem): number => Math.max(problem.heads.query, stateHeads(problem));

/** Returns the number of states, N·heads. */
export function stateCount(problem: LayerProblem): number {
  const { batch, sequences } = problem;
  return (sequences ? sequences.length - 1 : batch) * stateHeads(problem);
}

/** Returns the number of columns in a head of an input. */
export function widthOf({ keyWidth, valueWidth }: LayerProblem, kind: Kind): number {
  switch (kind) {
    case "query":
    case "key":
    case "erase":
    case "a":
    case "b":
    case "gChannel":
      return keyWidth;
    case "value":
    case "write":
      return valueWidth;
    default:
      return 1;
  }
}

/** Returns the number of heads of an input as it is stored. */
export function headsOf(problem: LayerProblem, kind: Kind): number {
  if (kind === "query" || kind === "key" || kind === "value") return problem.heads[kind];
  if (kind === "beta" || kind === "g") return problem.gates === "shared" ? 1 : stateHeads(problem);
  return stateHeads(problem);
}

/** Returns the number of rows of an input in a sequence. */
export function rowsOf({ layer, tokens }: LayerProblem, kind: Kind): number {
  if (kind === "A" || kind === "D") return 1;
  return kind === "key" || kind === "value" || kind === "beta" ? tokens * layer.steps : tokens;
}

/** Returns the shape of an input, [B, rows, heads·columns]. */
export function shapeOf(
  problem: LayerProblem,
  kind: Kind,
): readonly [batch: number, rows: number, cols: number] {
  const batch = kind === "A" || kind === "D" ? 1 : problem.batch;
  return [batch, rowsOf(problem, kind), headsOf(problem, kind) * widthOf(problem, kind)];
}

export function outputShape(problem: LayerProblem): readonly [batch: number, tokens: number, cols: number] {
  return [problem.batch, problem.tokens, outHeads(problem) * problem.valueWidth];
}

/** Returns the problem as the references of @dlrt/linear-attention take it. */
export function referenceProblem(problem: LayerProblem, initialState?: Float64Array): ReferenceProblem {
  const { batch, tokens, keyWidth, valueWidth, heads, scale, eps, sequences } = problem;
  return {
    ...{ batch, tokens, keyWidth, valueWidth, heads, scale, initialState },
    normalizeKeys: eps === undefined ? undefined : { eps },
    sequences: sequences && Int32Array.from(sequences),
  };
}

/** Returns the name that a report gives the problem. */
export function sayProblem(problem: LayerProblem): string {
  const { layer, batch, tokens, keyWidth, valueWidth, heads, gates, scale, eps, sequences } = problem;
  return [
    `${layer.name}, B ${batch}, T ${tokens}, K ${keyWidth}, V ${valueWidth}`,
    `heads ${heads.query}/${heads.key}/${heads.value}${gates === "shared" ? ", one gate" : ""}`,
    `keys ${problem.keys}, β ${problem.beta}, g ${problem.decay}`,
    ...(scale === undefined ? [] : [`scale ${scale}`]),
    ...(eps === undefined ? [] : [`eps ${eps}`]),
    ...(sequences ? [`sequences ${sequences.join(" ")}`] : []),
    `${problem.stateful ? "with state, " : ""}${problem.stateLayout}, seed ${problem.seed}`,
  ].join("; ");
}
