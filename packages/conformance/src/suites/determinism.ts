/**
 * The same call gives the same bits: when it is made again, on operands that lie elsewhere in memory, and on another
 * backend of the same kind.
 */
import type { DecayKind, Dtype, Sizes } from "@dlrt/core";
import fc from "fast-check";
import { anyCall, run, runInverse, sayCall, type Answer, type Call } from "../calls.js";
import { demandBits } from "../demands.js";
import type { Gates } from "../gates.js";
import { anyGates, decayKinds, needs, titleFor, budgetFor } from "../kinds.js";
import { familyNames, makeProblem, nameOf, type FamilyName } from "../problems.js";
import { afford, affordSquare, anySizes } from "../sizes.js";
import { Scope, type Case, type Trial } from "../trial.js";

function demandSame(where: string, first: Answer, second: Answer): void {
  demandBits(where, second.out, first.out);
  if (first.finalState) demandBits(`final state of ${where}`, second.finalState!, first.finalState);
}

function twice(trial: Trial, verb: "solve" | "apply", kind: DecayKind): Promise<void> {
  const values = fc.record({
    family: fc.constantFrom(...familyNames),
    sizes: anySizes(budgetFor(trial.plan, kind)),
    gates: anyGates(kind),
    call: anyCall(),
    seed: fc.nat(),
  });
  const judge = async (scope: Scope, drawn: Drawn): Promise<void> => {
    const { family, sizes, gates, call, seed } = drawn;
    const problem = makeProblem(family, sizes, trial.subject.dtype!, seed, gates);
    const first = await run(verb, scope, problem, call);
    scope.poisoned([1, 3, 7], problem.dtype); // the second run lies elsewhere
    demandSame(
      `${verb} twice, ${nameOf(problem)}; ${sayCall(call)}`,
      first,
      await run(verb, scope, problem, call),
    );
    trial.count();
  };
  return trial.property(values, judge, kind === "none" ? 1 : 0.5);
}

interface Drawn {
  readonly family: FamilyName;
  readonly sizes: Sizes;
  readonly gates: Gates | undefined;
  readonly call: Call;
  readonly seed: number;
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
    demandBits("inverse on another backend", await runInverse(scope, problem, inverseCall), inverse);
  } finally {
    await trial.step("dispose", () => other.dispose());
  }
  trial.count();
}

export function determinismCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const shared = { suite: "determinism", operation: "determinism", dtype };
    return [
      ...decayKinds.flatMap((kind) =>
        (["solve", "apply"] as const).map((verb): Case => {
          const name = `${titleFor(dtype, kind)}: ${verb} twice`;
          return { ...shared, ...needs(kind), name, kernels: [verb], run: (t) => twice(t, verb, kind) };
        }),
      ),
      { ...shared, name: `${dtype}: on another backend`, kernels: ["solve", "inverse"], run: elsewhere },
    ] satisfies Case[];
  });
}
