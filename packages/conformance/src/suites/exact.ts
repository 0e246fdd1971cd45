/** The exact class, whose answers every backend must give to the last bit. Nothing is allowed for rounding. */
import {
  logAbsDet,
  materialize,
  newFloatArray,
  type DecayKind,
  type Dtype,
  type FloatArray,
  type KernelName,
  type Sizes,
} from "@dlrt/core";
import * as host from "@dlrt/core/host";
import { dense, operatorOf, overBatch, recurrent } from "@dlrt/core/reference";
import fc from "fast-check";
import { anyCall, operatorOn, plainCall, run, sayCall, type Call } from "../calls.js";
import { demandEqual } from "../demands.js";
import { makeExact } from "../exact.js";
import type { GateKind } from "../gates.js";
import { gateKinds, needs, titleFor, budgetFor } from "../kinds.js";
import { nameOf, type Problem } from "../problems.js";
import { Random } from "../random.js";
import { afford, affordSquare, anySizes, workOf } from "../sizes.js";
import type { Case, Scope, Trial } from "../trial.js";
import { anyExactBlock, anyExactInverse, exactInverse, longExactInverse } from "./exact-inverse.js";

async function demandExact(
  verb: "solve" | "apply",
  scope: Scope,
  problem: Problem,
  call: Call,
): Promise<void> {
  const { out, finalState } = await run(verb, scope, problem, call);
  const want = overBatch(recurrent[verb], { ...problem.sizes, ...problem }, problem.rhs, problem.sizes.p, {
    trans: call.trans,
    alpha: call.alpha,
    initialState: call.stateful ? problem.state : undefined,
  });
  const where = `${verb}, ${nameOf(problem)}; ${sayCall(call)}`;
  demandEqual(where, out, want.y);
  if (finalState) demandEqual(`final state of ${where}`, finalState, want.finalState);
}

function anyExact(trial: Trial, verb: "solve" | "apply", kind: DecayKind): Promise<void> {
  const values = fc.record({
    sizes: anySizes(budgetFor(trial.plan, kind)),
    call: anyCall(true),
    seed: fc.nat(),
  });
  const judge = async (scope: Scope, { sizes, call, seed }: Drawn): Promise<void> => {
    await demandExact(verb, scope, makeExact(sizes, trial.subject.dtype!, seed, call.trans, kind), call);
    trial.count();
  };
  return trial.property(values, judge, kind === "none" ? 1 : 0.5);
}

interface Drawn {
  readonly sizes: Sizes;
  readonly call: Call;
  readonly seed: number;
}

/** Runs 1000 rows in chunks of any size, which must all give the same numbers. */
async function longExact(trial: Trial, kind: DecayKind): Promise<void> {
  const whole = kind === "none" ? { batch: 2, n: 1000, r: 24, p: 5 } : { batch: 1, n: 1000, r: 8, p: 2 };
  const sizes = afford(whole, trial.plan);
  for (const trans of [false, true]) {
    const problem = makeExact(sizes, trial.subject.dtype!, trial.plan.seed, trans, kind);
    for (const chunk of kind === "none" ? [undefined, 1, 13, 16, 32, 64, 128] : [undefined, 1, 13, 64]) {
      for (const verb of ["solve", "apply"] as const) {
        const call = { ...plainCall, trans, chunk, stateful: true, final: true };
        await trial.scoped((scope) => demandExact(verb, scope, problem, call));
        trial.count();
      }
    }
  }
}

/** Runs a rank of 65,537. It adds up so many roundings that no bound would tell right from wrong; exact sums do. */
async function largeRank(trial: Trial, verb: "solve" | "apply"): Promise<void> {
  const sizes = afford({ batch: 1, n: 3, r: 65537, p: 1 }, trial.plan);
  const problem = makeExact(sizes, trial.subject.dtype!, trial.plan.seed);
  const call = { ...plainCall, final: true, stateful: true };
  await trial.scoped((scope) => demandExact(verb, scope, problem, call));
  trial.count();
}

/**
 * Runs batches of 65,535 to 65,537 small problems. Entry e is the first problem with the right-hand side and the state
 * multiplied by sₑ ∈ {−1, 0, 1}, and so is its answer.
 */
async function manyEntries(trial: Trial): Promise<void> {
  const dtype = trial.subject.dtype!;
  const one = makeExact({ batch: 1, n: 3, r: 2, p: 2 }, dtype, trial.plan.seed);
  const random = new Random(trial.plan.seed);
  const { maxN, maxWork } = trial.plan;
  const most = Math.floor(maxWork / workOf(one.sizes));
  for (const batch of [65535, 65536, 65537].filter((size) => size <= Math.min(maxN, most))) {
    const sign = Float64Array.from({ length: batch }, () => random.integer(-1, 1));
    const repeat = (data: FloatArray, scale?: Float64Array): FloatArray =>
      newFloatArray(dtype, data.length * batch).map((_, at) => {
        const entry = Math.floor(at / data.length);
        return data[at % data.length]! * (scale ? scale[entry]! : 1);
      });
    const problem = {
      ...one,
      sizes: { ...one.sizes, batch },
      diag: repeat(one.diag),
      q: repeat(one.q),
      k: repeat(one.k),
      rhs: repeat(one.rhs, sign),
      state: repeat(one.state, sign),
    };
    for (const verb of ["solve", "apply"] as const) {
      const call = { ...plainCall, final: true, stateful: true };
      const want = overBatch(recurrent[verb], { ...one.sizes, ...one }, one.rhs, 2, {
        initialState: one.state,
      });
      await trial.scoped(async (scope) => {
        const { out, finalState } = await run(verb, scope, problem, call);
        demandEqual(`${verb} of ${batch} batch entries`, out, repeat(want.y, sign));
        demandEqual(`final state of ${verb} of ${batch} entries`, finalState!, repeat(want.finalState, sign));
      });
      trial.count();
    }
  }
  await largeRank(trial, "solve");
  await largeRank(trial, "apply");
}

/** Runs the verbs that core derives from the kernels, and those on plain arrays. */
async function derived(trial: Trial): Promise<void> {
  const { backend } = trial;
  const { n } = affordSquare({ batch: 2, n: 40, r: 5 }, trial.plan); // materialize makes n columns
  const sizes = { batch: 2, n, r: 5, p: 3 };
  const problem = makeExact(sizes, trial.subject.dtype!, trial.plan.seed);
  const { diag, q, k, rhs } = problem;
  const entries = [0, 1].map((entry) => operatorOf({ ...sizes, ...problem }, entry));
  const whole = (of: (op: (typeof entries)[number]) => Float64Array): Float64Array =>
    Float64Array.from(entries.flatMap((op) => [...of(op)]));
  const logs = Float64Array.from(entries, (op) => dense.logAbsDet(op));
  await trial.scoped(async (scope) => {
    const op = operatorOn(scope, problem);
    const t = scope.own(materialize(backend, op));
    demandEqual("materialize", await scope.read(t), whole(dense.materialize));
    demandEqual("logAbsDet", await trial.step("logAbsDet", () => logAbsDet(backend, op)), logs);
    const plain = { diag, q, k, shape: [2, n, 5] as const };
    const want = overBatch(recurrent.solve, { ...sizes, ...problem }, rhs, sizes.p);
    const finalState = newFloatArray(problem.dtype, want.finalState.length);
    demandEqual(
      "host.solve",
      await trial.step("host.solve", () => host.solve(backend, plain, rhs, { finalState })),
      want.y,
    );
    demandEqual("host.solve's final state", finalState, want.finalState);
    demandEqual(
      "host.inverse",
      await trial.step("host.inverse", () => host.inverse(backend, plain)),
      exactInverse(problem),
    );
  });
  trial.count();
}

function resetCases(shared: Pick<Case, "suite" | "operation">, dtype: Dtype, kind: GateKind): Case[] {
  const of = (name: string, kernels: readonly KernelName[], run: Case["run"]): Case => ({
    ...{ ...shared, dtype, ...needs(kind), kernels, run },
    name: `${titleFor(dtype, kind)}: ${name}`,
  });
  return [
    of("solve, resets", ["solve"], (t) => anyExact(t, "solve", kind)),
    of("apply, resets", ["apply"], (t) => anyExact(t, "apply", kind)),
    of("inverse, resets", ["inverse"], (t) => anyExactInverse(t, kind)),
    of("n = 1000 in any chunks, resets", ["solve", "apply"], (t) => longExact(t, kind)),
  ];
}

export function exactCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const shared = { suite: "exact", operation: "exact class", dtype };
    return [
      { ...shared, name: `${dtype}: solve`, kernels: ["solve"], run: (t) => anyExact(t, "solve", "none") },
      { ...shared, name: `${dtype}: apply`, kernels: ["apply"], run: (t) => anyExact(t, "apply", "none") },
      {
        ...shared,
        name: `${dtype}: n = 1000 in any chunks`,
        kernels: ["solve", "apply"],
        run: (t) => longExact(t, "none"),
      },
      {
        ...shared,
        name: `${dtype}: 65535 to 65537 entries, 65537 of rank`,
        kernels: ["solve", "apply"],
        run: manyEntries,
      },
      { ...shared, name: `${dtype}: inverse`, kernels: ["inverse"], run: (t) => anyExactInverse(t, "none") },
      { ...shared, name: `${dtype}: inverse of 1100 rows`, kernels: ["inverse"], run: longExactInverse },
      {
        ...shared,
        name: `${dtype}: derived verbs, plain arrays`,
        kernels: ["solve", "apply", "inverse"],
        run: derived,
      },
      { ...shared, name: `${dtype}: trilInverse`, kernels: ["trilInverse"], run: anyExactBlock },
      ...gateKinds.flatMap((kind) => resetCases(shared, dtype, kind)),
    ] satisfies Case[];
  });
}
