/**
 * Layers on small integers, with keys that are plus or minus a unit vector and gates of 0 or −∞. Every partial sum of
 * every algorithm is then an integer of fewer than 24 bits (a key meets the same channel of the state a few times
 * only), so that results and gradients are exact in f32 whatever the order of operations, and are demanded so.
 */
import type { Dtype } from "@dlrt/core";
import { demandEqual } from "../../demands.js";
import { Random } from "../../random.js";
import { demand, type Case, type Trial } from "../../trial.js";
import { allLayers, type Kind, type Layer } from "../definition.js";
import type { LayerCotangents, LayerData } from "../data.js";
import { affordable, HEADS, plainProblem } from "../design.js";
import { referenceGradients } from "../gradient-reference.js";
import {
  outputShape,
  referenceProblem,
  sayProblem,
  shapeOf,
  stateCount,
  type LayerProblem,
} from "../problem.js";
import { runBackward, runForward } from "../run.js";
import { runPieces } from "./pieces.js";
import { dtypes, layerCase } from "./shared.js";

/** No number that is compared may be this large. */
const LARGEST = 2 ** 20;

function integersFor(problem: LayerProblem, kind: Kind, random: Random): Float64Array {
  const [batch, rows, cols] = shapeOf(problem, kind);
  const out = new Float64Array(batch * rows * cols);
  const fill = (from: readonly number[]): Float64Array => out.map(() => random.pick(from));
  switch (kind) {
    case "key":
    case "a":
    case "b":
      for (let at = 0; at < out.length; at += problem.keyWidth)
        out[at + random.integer(0, problem.keyWidth - 1)] =
          kind === "a" ? random.pick([-1, 0, 0]) : random.pick([-1, 1]);
      return out;
    case "beta":
    case "erase":
    case "write":
      return fill(problem.layer.name === "ssd" ? [0, 1, 1] : [0, 1, 1, 2]);
    case "g":
    case "gChannel":
      return fill([0, 0, 0, 0, 0, 0, 0, -Infinity]);
    case "A":
      return fill([0, 0, -1000]); // e^−1000 is 0 in f32 and in f64
    default:
      return fill([-1, 0, 1]);
  }
}

function exactData(problem: LayerProblem): LayerData & { readonly cotangents: LayerCotangents } {
  const random = new Random(problem.seed);
  const inputs = Object.entries(problem.layer.inputs).map(
    ([name, kind]) => [name, integersFor(problem, kind, random)] as const,
  );
  const small = (count: number): Float64Array => new Float64Array(count).map(() => random.pick([-1, 0, 1]));
  const states = stateCount(problem) * problem.keyWidth * problem.valueWidth;
  const [batch, tokens, cols] = outputShape(problem);
  return {
    inputs: Object.fromEntries(inputs),
    initialState: small(states),
    cotangents: { output: small(batch * tokens * cols), finalState: small(states) },
  };
}

const SIZES = [
  [1, 3, 2],
  [16, 5, 3],
  [33, 8, 4],
  [65, 16, 5],
] as const;

function problemsFor(trial: Trial, layer: Layer, which: number): LayerProblem[] {
  return SIZES.map(([tokens, keyWidth, valueWidth], index) =>
    affordable(
      plainProblem(layer, {
        ...{ batch: 2, tokens, keyWidth, valueWidth, scale: 0.5, seed: trial.plan.seed + 31 * which + index },
        ...{ heads: HEADS[(which + index) % HEADS.length]!, stateLayout: index % 2 === 0 ? "kv" : "vk" },
      }),
      trial.plan,
    ),
  );
}

/** @throws ConformanceError where the problem itself is not one of the class */
function demandSmall(where: string, arrays: readonly Float64Array[]): void {
  for (const array of arrays)
    demand(
      array.every((value) => Math.abs(value) < LARGEST && Number.isInteger(4 * value)),
      `${where} is no problem of the exact class`,
    );
}

async function forward(trial: Trial, layer: Layer, which: number, dtype: Dtype): Promise<void> {
  for (const problem of problemsFor(trial, layer, which)) {
    const data = exactData(problem);
    const right = layer.reference(referenceProblem(problem, data.initialState), data.inputs);
    const where = sayProblem(problem);
    demandSmall(where, [right.output, right.finalState]);
    await trial.scoped(async (scope) => {
      const got = await runForward(scope, problem, data, dtype);
      demandEqual(`output of ${where}`, got.output, right.output);
      demandEqual(`final state of ${where}`, got.finalState, right.finalState);
    });
    trial.count();
    if (problem.tokens < 16) continue;
    const cuts = [Math.floor(problem.tokens / 2), problem.tokens - 1];
    await trial.scoped(async (scope) => {
      const got = await runPieces(scope, problem, { data, cuts }, dtype);
      demandEqual(`output of ${where}, cut at ${cuts.join(", ")}`, got.output, right.output);
      demandEqual(`final state of ${where}, cut at ${cuts.join(", ")}`, got.finalState, right.finalState);
    });
    trial.count();
  }
}

async function gradients(trial: Trial, layer: Layer, which: number, dtype: Dtype): Promise<void> {
  for (const problem of problemsFor(trial, layer, which).slice(0, 3)) {
    const { cotangents, ...data } = exactData(problem);
    const right = referenceGradients(problem, data, cotangents).gradients;
    const where = sayProblem(problem);
    demandSmall(where, Object.values(right));
    await trial.scoped(async (scope) => {
      const got = await runBackward(scope, problem, data, cotangents, dtype);
      for (const [name, gradient] of Object.entries(right))
        demandEqual(`gradient of ${name}, ${where}`, got[name]!, gradient);
    });
    trial.count();
  }
}

export function exactLayerCases(layers: readonly Layer[] = allLayers): Case[] {
  return layers.flatMap((layer, which) =>
    (layer.exact ? dtypes : []).flatMap((dtype) => [
      layerCase("exact class", layer, dtype, { operation: "layers, exact class" }, (trial) =>
        forward(trial, layer, which, dtype),
      ),
      layerCase(
        "exact class",
        layer,
        dtype,
        { name: `gradients of ${layer.name}`, operation: "layers, exact class", gradients: true },
        (trial) => gradients(trial, layer, which, dtype),
      ),
    ]),
  );
}
