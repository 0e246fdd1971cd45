/** What the suites of layers have in common. */
import type { Dtype, KernelName } from "@dlrt/core";
import type { Case, Scope, Trial } from "../../trial.js";
import type { Layer } from "../definition.js";
import { expectedGradients, expectedResults, type ExpectedGradients } from "../expected.js";
import { sayProblem, type LayerProblem } from "../problem.js";
import { runBackward, runForward, type Answer } from "../run.js";
import { limitOf, omegaOfLayer, type Judged } from "../sensitivity.js";

export const dtypes: readonly Dtype[] = ["f32", "f64"];

/** Makes a case of a layer in a dtype, with what it demands of a backend. */
export function layerCase(
  suite: string,
  layer: Layer,
  dtype: Dtype,
  {
    name = layer.name,
    operation = layer.name,
    gradients = false,
  }: { readonly name?: string; readonly operation?: string; readonly gradients?: boolean },
  run: (trial: Trial) => Promise<void>,
): Case {
  const { decay } = layer;
  const kernels: readonly KernelName[] = [
    ...(["solve", "apply", "rowDot", "copy"] as const),
    ...(gradients && decay ? (["decayVjp"] as const) : []),
  ];
  const shared = { suite: `layers: ${suite}`, name: `${dtype}: ${name}`, operation, dtype, kernels, run };
  return decay ? { ...shared, decay } : shared;
}

/** Judges one array of a problem's results. */
export function judge(
  trial: Trial,
  problem: LayerProblem,
  what: string,
  got: ArrayLike<number>,
  right: Judged,
): void {
  const dtype = trial.subject.dtype!;
  trial.judge(`${what} of ${sayProblem(problem)}`, omegaOfLayer(got, right, dtype), limitOf(problem, dtype));
}

/** Judges the results of a layer on the trial's backend against the reference. */
export function judgeForward(trial: Trial, problem: LayerProblem): Promise<Answer> {
  const { data, output, finalState } = expectedResults(problem);
  return trial.scoped(async (scope) => {
    const answer = await runForward(scope, problem, data, trial.subject.dtype!);
    judge(trial, problem, "output", answer.output, output);
    judge(trial, problem, "final state", answer.finalState, finalState);
    return answer;
  });
}

type RunGradients = (scope: Scope, expected: ExpectedGradients) => Promise<Record<string, Float64Array>>;

/**
 * Judges gradients against the reference. They come from `run`; by default from one call and, where the backend keeps
 * something for gradients, from a second one with that.
 */
export async function judgeGradients(trial: Trial, problem: LayerProblem, run?: RunGradients): Promise<void> {
  const expected = expectedGradients(problem);
  const judged = (how: string, way: RunGradients): Promise<void> =>
    trial.scoped(async (scope) => {
      const got = await way(scope, expected);
      for (const [name, right] of Object.entries(expected.gradients))
        judge(trial, problem, `gradient of ${name}${how}`, got[name]!, right);
    });
  if (run) return judged("", run);
  const called =
    (keeps: boolean): RunGradients =>
    (scope, { data, cotangents }) =>
      runBackward(scope, problem, data, cotangents, trial.subject.dtype!, keeps);
  await judged("", called(false));
  if (trial.backend.keptShape !== undefined) await judged(", kept", called(true));
}
