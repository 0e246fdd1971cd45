/** The cases that solve and apply share: sizes, families of problems, and options, each held to `gate`. */
import type { DecayKind, Dtype } from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import fc from "fast-check";
import { omegaOfApply, omegaOfSolve } from "../backward-error.js";
import { anyCall, plainCall, run, sayCall, type Call } from "../calls.js";
import { gateNames, type GateKind, type Gates } from "../gates.js";
import { anyGates, gateKinds, needs, titleFor, budgetFor } from "../kinds.js";
import { familyNames, groupOf, makeProblem, nameOf, type FamilyName } from "../problems.js";
import { afford, anySizes, hugeSweep, rowsLeft, sizeSweep } from "../sizes.js";
import type { Sizes } from "@dlrt/core";
import type { Case, Scope, Trial } from "../trial.js";
import { decaySumCases, sumCases } from "./sums.js";

type Verb = "solve" | "apply";

/** Where `lambda` is false, the operator has no Λ, which only apply allows. */
interface Judged extends Call {
  readonly lambda?: boolean;
}

async function judgeOne(
  trial: Trial,
  scope: Scope,
  verb: Verb,
  [family, sizes, seed, gates]: readonly [FamilyName, Sizes, number, (Gates | undefined)?],
  call: Judged,
): Promise<void> {
  const problem = makeProblem(family, sizes, trial.subject.dtype!, seed, gates);
  const { out, finalState } = await run(verb, scope, problem, call);
  const omegaOf = verb === "solve" ? omegaOfSolve : omegaOfApply;
  const where = [nameOf(problem), sayCall(call), call.lambda === false ? "no Λ" : ""];
  const limit = gate(sizes.r);
  trial.judge(
    where.filter(Boolean).join("; "),
    omegaOf(problem, call, out, finalState),
    limit,
    groupOf(problem),
  );
}

async function sweep(trial: Trial, verb: Verb, sizes: readonly Sizes[]): Promise<void> {
  for (const [index, size] of sizes.entries()) {
    for (const trans of [false, true]) {
      const call = { ...plainCall, trans, final: true, stateful: index % 2 === 1, given: index % 3 > 0 };
      const family = index % 4 < 2 ? "delta-net" : "general Λ";
      await trial.scoped((scope) =>
        judgeOne(trial, scope, verb, [family, size, trial.plan.seed + index], call),
      );
    }
  }
}

/** Runs every number of rows that may be left after a full chunk. λ differs from row to row, so that a λ taken from another row shows. */
async function everyTail(trial: Trial, verb: Verb): Promise<void> {
  for (const [index, size] of rowsLeft(trial.plan).entries()) {
    for (const trans of [false, true]) {
      const call = { ...plainCall, trans, final: true };
      const one = ["general Λ", size, trial.plan.seed + index] as const;
      await trial.scoped((scope) => judgeOne(trial, scope, verb, one, call));
    }
  }
}

async function longOnes(trial: Trial, verb: Verb): Promise<void> {
  for (const family of familyNames) {
    for (const trans of [false, true]) {
      const sizes = afford({ batch: 1, n: 1000, r: 16, p: 4 }, trial.plan);
      const call = { ...plainCall, trans, final: true };
      await trial.scoped((scope) => judgeOne(trial, scope, verb, [family, sizes, trial.plan.seed], call));
    }
  }
}

/**
 * Runs every family of gates on one family of operators after the other, with and without a chunk hint. Every other
 * call is transposed, in solve where it is not in apply.
 */
async function everyGate(trial: Trial, verb: Verb, kind: GateKind): Promise<void> {
  for (const [index, name] of gateNames.entries()) {
    const trans = (index + (verb === "solve" ? 1 : 0) + (kind === "row" ? 1 : 0)) % 2 === 1;
    const family = familyNames[(2 * index + (trans ? 1 : 0)) % familyNames.length]!;
    const sizes = afford({ batch: 1, n: 150, r: 9, p: 2 }, trial.plan);
    const chunk = [undefined, 64, undefined, 16, 7][index % 5];
    const call = { ...plainCall, trans, chunk, final: true, stateful: index % 2 === 1 };
    const one = [family, sizes, trial.plan.seed + index, { name, kind }] as const;
    await trial.scoped((scope) => judgeOne(trial, scope, verb, one, call));
  }
}

/**
 * Runs sizes at which chunks and vectors end, with decay. They are fewer than those of `sizeSweep`, because problems
 * with decay take long to judge.
 */
async function decaySweep(trial: Trial, verb: Verb, kind: GateKind): Promise<void> {
  const base = { batch: 2, n: 33, r: 5, p: 3 };
  const sizes = [
    ...[0, 1, 2, 15, 16, 17, 31, 63, 64, 65, 129].map((n) => ({ ...base, n })),
    ...[0, 1, 2, 3, 4, 8, 17, 65, 129].map((r) => ({ ...base, r, p: 2 })),
    ...[0, 1, 2, 4, 8, 17, 65].map((p) => ({ ...base, r: 3, p })),
    ...[0, 1, 3].map((batch) => ({ ...base, batch, r: 2 })),
  ].map((size) => afford(size, trial.plan));
  for (const [index, size] of sizes.entries()) {
    const trans = index % 2 === (verb === "solve" ? 1 : 0); // the other verb is called the other way round
    const call = { ...plainCall, trans, final: true, stateful: index % 4 > 1, given: index % 3 > 0 };
    const name = index % 5 < 3 ? "as models produce" : "resets";
    const one = ["general Λ", size, trial.plan.seed + index, { name, kind }] as const;
    await trial.scoped((scope) => judgeOne(trial, scope, verb, one, call));
  }
}

function anyProblem(trial: Trial, verb: Verb, kind: DecayKind): Promise<void> {
  const values = fc.record({
    family: fc.constantFrom(...familyNames),
    sizes: anySizes(budgetFor(trial.plan, kind)),
    gates: anyGates(kind),
    call: anyCall(),
    lambda: verb === "apply" ? fc.boolean() : fc.constant(true),
    seed: fc.nat(),
  });
  return trial.property(
    values,
    (scope, { family, sizes, gates, call, lambda, seed }) =>
      judgeOne(trial, scope, verb, [family, sizes, seed, gates], { ...call, lambda }),
    kind === "none" ? 3 : 0.5,
  );
}

export function accuracyCases(verb: Verb, dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const of = (name: string, run: (trial: Trial) => Promise<void>): Case => ({
      suite: verb,
      name: `${dtype}: ${name}`,
      operation: verb,
      dtype,
      kernels: [verb],
      run,
    });
    return [
      of("every awkward size", (trial) => sweep(trial, verb, sizeSweep(trial.plan))),
      of("65535 to 65537 rows, 65537 columns", (trial) => sweep(trial, verb, hugeSweep(trial.plan))),
      of("every number of rows after a chunk", (trial) => everyTail(trial, verb)),
      of("every family at n = 1000", (trial) => longOnes(trial, verb)),
      of("any problem, any options", (trial) => anyProblem(trial, verb, "none")),
      ...sumCases(verb, of),
      ...gateKinds.flatMap((kind) => {
        const ofKind = (name: string, run: (trial: Trial) => Promise<void>): Case => ({
          ...of(name, run),
          ...needs(kind),
          name: `${titleFor(dtype, kind)}: ${name}`,
        });
        return [
          ofKind("every family of gates", (trial) => everyGate(trial, verb, kind)),
          ofKind("awkward sizes", (trial) => decaySweep(trial, verb, kind)),
          ofKind("any problem, any options", (trial) => anyProblem(trial, verb, kind)),
          ...decaySumCases(verb, kind, ofKind),
        ];
      }),
    ];
  });
}
