/** Outputs, final states and gradients of the design's problems, and of problems drawn at random. */
import type { Plan } from "../../options.js";
import type { Case, Trial } from "../../trial.js";
import { allLayers, type Layer } from "../definition.js";
import { affordable, anyProblem, commonProblems, designedProblems, plainProblem } from "../design.js";
import { makeData } from "../data.js";
import { referenceProblem } from "../problem.js";
import { runForward } from "../run.js";
import { EPS } from "../sensitivity.js";
import { dtypes, judgeForward, judgeGradients, layerCase } from "./shared.js";

const some = (trial: Trial, share: number): number => Math.ceil(trial.plan.cases * share);

/** Tells whether a run is a long one: it then takes larger problems too. */
const isLong = ({ cases }: Plan): boolean => cases >= 100;

const atMost = (plan: Plan, long: number, short: number): Plan => ({
  ...plan,
  maxWork: Math.min(plan.maxWork, isLong(plan) ? long : short),
});

async function results(trial: Trial, layer: Layer, which: number): Promise<void> {
  for (const problem of commonProblems(layer, trial.plan.seed + which)) await judgeForward(trial, problem);
  const count = Math.max(2, some(trial, 0.25));
  for (const problem of designedProblems(layer, which, count, trial.plan)) await judgeForward(trial, problem);
  const any = atMost(trial.plan, 2 ** 19, 2 ** 15);
  for (let i = 0; i < some(trial, 0.1); i++)
    await judgeForward(trial, anyProblem(layer, trial.plan.seed + 1009 * i + which, any));
}

/** Judges every gradient element by element. One problem is of the size that the layers' README speaks of. */
async function gradients(trial: Trial, layer: Layer, which: number): Promise<void> {
  const { plan } = trial;
  const own = { tokens: 65, keyWidth: 24, valueWidth: 40, seed: plan.seed + which };
  await judgeGradients(trial, affordable(plainProblem(layer, own), plan));
  for (const problem of commonProblems(layer, plan.seed + which)) await judgeGradients(trial, problem);
  // Each layer is run on another part of the design.
  const design = atMost(plan, 2 ** 18, 2 ** 15);
  const count = some(trial, 0.1);
  const problems = designedProblems(layer, which, count, design);
  for (const problem of problems) await judgeGradients(trial, problem);
  for (let i = 0; i < some(trial, 1 / 30); i++)
    await judgeGradients(
      trial,
      anyProblem(layer, plan.seed + 2003 * i + which, atMost(plan, 2 ** 17, 2 ** 14)),
    );
}

/** Judges data like a model's. The figure is the error relative to the largest element, as READMEs state it. */
async function accuracy(trial: Trial, layer: Layer, which: number): Promise<void> {
  const dtype = trial.subject.dtype!;
  const own = { tokens: 252, keyWidth: 64, valueWidth: 64, stateful: false, seed: trial.plan.seed + which };
  const problem = affordable(plainProblem(layer, own), trial.plan);
  const data = makeData(problem);
  const right = layer.reference(referenceProblem(problem), data.inputs);
  await trial.scoped(async (scope) => {
    const got = await runForward(scope, problem, data, dtype);
    const errors = (["output", "finalState"] as const).map((name) => {
      const expected = right[name];
      const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const error = expected.reduce((most, value, at) => Math.max(most, Math.abs(got[name][at]! - value)), 0);
      return error / (size || 1);
    });
    const { tokens, keyWidth, valueWidth } = problem;
    const where = `T ${tokens}, K ${keyWidth}, V ${valueWidth}`;
    trial.judge(where, Math.max(...errors) / EPS[dtype], MOST_OF_THE_LARGEST / EPS.f32);
  });
}

/** The largest error relative to the largest element, in f32. In f64 it may be as many ε. */
const MOST_OF_THE_LARGEST = 1e-6;

export function resultCases(layers: readonly Layer[] = allLayers): Case[] {
  return layers.flatMap((layer, which) =>
    dtypes.flatMap((dtype) => [
      layerCase("accuracy", layer, dtype, { operation: `accuracy, ${layer.name}` }, (trial) =>
        accuracy(trial, layer, which),
      ),
      layerCase("results", layer, dtype, {}, (trial) => results(trial, layer, which)),
      layerCase(
        "gradients",
        layer,
        dtype,
        { operation: `gradients of ${layer.name}`, gradients: true },
        (trial) => gradients(trial, layer, which),
      ),
    ]),
  );
}
