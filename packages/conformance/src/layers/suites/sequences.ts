/** Packed sequences. Each has its own state and sees nothing of another; the references take each by itself. */
import type { Case, Trial } from "../../trial.js";
import { allLayers, type Layer } from "../definition.js";
import { HEADS, plainProblem } from "../design.js";
import type { Decay, LayerProblem } from "../problem.js";
import { dtypes, judgeForward, judgeGradients, layerCase } from "./shared.js";

const boundsOf = (lengths: readonly number[]): number[] =>
  lengths.reduce((bounds, length) => [...bounds, bounds.at(-1)! + length], [0]);

/** Returns a problem with as many of the sequences as the plan can stand. */
function packed(
  trial: Trial,
  layer: Layer,
  lengths: readonly number[],
  own: Partial<LayerProblem>,
): LayerProblem {
  const problem = plainProblem(layer, own);
  const { keyWidth, valueWidth, heads } = problem;
  const most = trial.plan.maxWork / (keyWidth * valueWidth * Math.max(...Object.values(heads)) * layer.steps);
  const all = boundsOf(lengths);
  const sequences = all.filter((bound, at) => at < 2 || bound <= Math.min(most, trial.plan.maxN));
  return { ...problem, tokens: sequences.at(-1)!, sequences };
}

/** Runs lengths at which other implementations leaked, and an empty sequence and one of a single token among others. */
async function results(trial: Trial, layer: Layer, which: number): Promise<void> {
  const strong: readonly Decay[] = [-5, -20, "mixed", -3];
  const decay = strong[which % strong.length]!;
  const few = { heads: HEADS[4]!, keyWidth: 4, valueWidth: 2, seed: which };
  await judgeForward(trial, packed(trial, layer, [15, 100, 300, 1200, 2000], { ...few, decay }));
  const some = { heads: HEADS[which % HEADS.length]!, keyWidth: 8, valueWidth: 4, seed: which };
  await judgeForward(trial, packed(trial, layer, [63, 65], { ...some, decay: -0.05, stateLayout: "vk" }));
  await judgeForward(
    trial,
    packed(trial, layer, [0, 15, 0, 1, 32, 17, 0], { ...some, keyWidth: 5, valueWidth: 3 }),
  );
}

async function gradients(trial: Trial, layer: Layer, which: number): Promise<void> {
  const own = { heads: HEADS[(which + 1) % HEADS.length]!, keyWidth: 5, valueWidth: 3, seed: which };
  await judgeGradients(trial, packed(trial, layer, [0, 15, 1, 0, 17], own));
  await judgeGradients(trial, packed(trial, layer, [63, 65], { ...own, heads: HEADS[4]!, decay: "mixed" }));
}

export function sequenceCases(layers: readonly Layer[] = allLayers): Case[] {
  return layers.flatMap((layer, which) =>
    dtypes.flatMap((dtype) => [
      layerCase("packed sequences", layer, dtype, {}, (trial) => results(trial, layer, which)),
      layerCase(
        "packed sequences",
        layer,
        dtype,
        { name: `gradients of ${layer.name}`, operation: `gradients of ${layer.name}`, gradients: true },
        (trial) => gradients(trial, layer, which),
      ),
    ]),
  );
}
