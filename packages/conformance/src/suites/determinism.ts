/** The same call gives the same bits: again, later, elsewhere in memory, and on another backend of its kind. */
import type { Dtype, FloatArray } from "@dlrt/core";
import fc from "fast-check";
import { anyCall, run, runInverse, sayCall, type Answer } from "../calls.js";
import { familyNames, makeProblem, nameOf } from "../problems.js";
import { afford, affordSquare, anySizes } from "../sizes.js";
import { demand, Scope, type Case, type Trial } from "../trial.js";

function demandBits(where: string, first: FloatArray, second: FloatArray): void {
  let at = 0;
  while (at < first.length && Object.is(first[at], second[at])) at++;
  demand(at === first.length, `${where}: element ${at} was ${first[at]}, then ${second[at]}`);
}

function demandSame(where: string, first: Answer, second: Answer): void {
  demandBits(where, first.out, second.out);
  if (first.finalState) demandBits(`final state of ${where}`, first.finalState, second.finalState!);
}

function twice(trial: Trial, verb: "solve" | "apply"): Promise<void> {
  const values = fc.record({
    family: fc.constantFrom(...familyNames),
    sizes: anySizes(trial.plan),
    call: anyCall(),
    seed: fc.nat(),
  });
  return trial.property(values, async (scope, { family, sizes, call, seed }) => {
    const problem = makeProblem(family, sizes, trial.subject.dtype!, seed);
    const first = await run(verb, scope, problem, call);
    scope.poisoned([1, 3, 7], problem.dtype); // the second run lies elsewhere
    demandSame(
      `${verb} twice, ${nameOf(problem)}; ${sayCall(call)}`,
      first,
      await run(verb, scope, problem, call),
    );
    trial.count();
  });
}

async function elsewhere(trial: Trial): Promise<void> {
  const dtype = trial.subject.dtype!;
  const sizes = afford({ batch: 2, n: 130, r: 17, p: 5 }, trial.plan);
  const { n } = affordSquare({ ...sizes, r: 1 }, trial.plan); // the inverse has n columns
  const problem = makeProblem("general Λ", { ...sizes, n }, dtype, trial.plan.seed);
  const call = { trans: true, alpha: 0.3, stateful: true, chunk: undefined, final: true, given: true };
  const inverseCall = { chunk: undefined, given: true };
  const [first, inverse] = await trial.scoped(async (scope) => [
    await run("solve", scope, problem, call),
    await runInverse(scope, problem, inverseCall),
  ]);
  const other = await trial.create();
  try {
    const scope = new Scope(other, trial.pulse);
    demandSame("solve on another backend", first, await run("solve", scope, problem, call));
    demandBits("inverse on another backend", inverse, await runInverse(scope, problem, inverseCall));
  } finally {
    await trial.step("dispose", () => other.dispose());
  }
  trial.count();
}

export function determinismCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const shared = { suite: "determinism", operation: "determinism", dtype };
    return [
      { ...shared, name: `${dtype}: solve twice`, kernels: ["solve"], run: (t) => twice(t, "solve") },
      { ...shared, name: `${dtype}: apply twice`, kernels: ["apply"], run: (t) => twice(t, "apply") },
      { ...shared, name: `${dtype}: on another backend`, kernels: ["solve", "inverse"], run: elsewhere },
    ] satisfies Case[];
  });
}
