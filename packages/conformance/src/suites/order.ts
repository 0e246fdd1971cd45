/** Work takes effect in the order of the calls, whether or not they are awaited. A read sees what was there when it was asked for. */
import { apply, DlrtError, solve, type Backend, type FloatArray } from "@dlrt/core";
import { overBatch, recurrent } from "@dlrt/core/reference";
import { operatorOn } from "../calls.js";
import { demandEqual } from "../demands.js";
import { makeExact } from "../exact.js";
import type { Plan } from "../options.js";
import { shapesOf, type Problem } from "../problems.js";
import { afford } from "../sizes.js";
import { textOf } from "../text.js";
import { demand, Scope, type Case, type Trial } from "../trial.js";

function exactOn(backend: Backend, plan: Plan, seed = plan.seed): { problem: Problem; want: FloatArray } {
  const sizes = afford({ batch: 2, n: 150, r: 6, p: 4 }, plan);
  const problem = makeExact(sizes, backend.supports.dtypes[0]!, seed);
  return { problem, want: overBatch(recurrent.solve, { ...sizes, ...problem }, problem.rhs, sizes.p).y };
}

/** Asks for reads without awaiting them, before the tensor is overwritten and before it is disposed. */
async function snapshots(trial: Trial): Promise<void> {
  const { problem, want } = exactOn(trial.backend, trial.plan);
  await trial.scoped(async (scope) => {
    const op = operatorOn(scope, problem);
    const t = scope.put(problem.rhs, shapesOf(problem.sizes).rhs);
    const before = scope.read(t);
    solve(scope.backend, op, t, { out: t });
    const after = scope.read(t);
    const back = apply(scope.backend, op, t);
    const again = scope.read(back);
    t.dispose();
    back.dispose();
    demandEqual("read before an overwrite", await before, problem.rhs);
    demandEqual("read after it, tensor disposed since", await after, want);
    demandEqual("read of a tensor disposed since", await again, problem.rhs);
  });
  trial.count();
}

/** Disposes the inputs, and gives their memory out again, as soon as the call has returned. */
async function inputsGone(trial: Trial): Promise<void> {
  const { problem, want } = exactOn(trial.backend, trial.plan);
  await trial.scoped(async (scope) => {
    const inputs = new Scope(scope.backend);
    const op = operatorOn(inputs, problem);
    const y = scope.own(solve(scope.backend, op, inputs.put(problem.rhs, shapesOf(problem.sizes).rhs)));
    inputs.dispose();
    for (let i = 0; i < 4; i++) scope.poisoned(shapesOf(problem.sizes).rhs, problem.dtype);
    demandEqual("solve whose inputs were disposed at once", await scope.read(y), want);
  });
  trial.count();
}

/** Makes thirty calls, b → T⁻¹b → TT⁻¹b → …, and waits once. */
async function chain(trial: Trial): Promise<void> {
  const { problem } = exactOn(trial.backend, trial.plan);
  await trial.scoped(async (scope) => {
    const op = operatorOn(scope, problem);
    let t = scope.put(problem.rhs, shapesOf(problem.sizes).rhs);
    for (let i = 0; i < 15; i++) {
      t = scope.own(apply(scope.backend, op, scope.own(solve(scope.backend, op, t))));
    }
    demandEqual("thirty calls in a row", await scope.read(t), problem.rhs);
  });
  trial.count();
}

/** Lets many users call one backend, interleaved at every await, and a second backend beside it. */
async function concurrent(trial: Trial): Promise<void> {
  const second = await trial.create();
  const user = async (backend: Backend, seed: number): Promise<void> => {
    const { problem, want } = exactOn(backend, trial.plan, seed);
    const scope = new Scope(backend, trial.pulse);
    try {
      const op = operatorOn(scope, problem);
      for (let round = 0; round < 3; round++) {
        const y = scope.own(solve(backend, op, scope.put(problem.rhs, shapesOf(problem.sizes).rhs)));
        demandEqual(`concurrent user ${seed}`, await scope.read(y), want);
        const x = scope.own(apply(backend, op, y));
        await trial.step("sync", () => backend.sync());
        demandEqual(`concurrent user ${seed}`, await scope.read(x), problem.rhs);
      }
    } finally {
      scope.dispose();
    }
  };
  try {
    await trial.scoped(async ({ backend }) => {
      await Promise.all(
        Array.from({ length: 8 }, (_, at) => user(at % 4 === 3 ? second : backend, trial.plan.seed + at)),
      );
    });
  } finally {
    await trial.step("dispose", () => second.dispose());
  }
  trial.count();
}

/** Demands that dispose() waits for work in flight: a pending read must settle, with the answer or with a typed error. */
async function endInFlight(trial: Trial): Promise<void> {
  const backend = await trial.create();
  const { problem, want } = exactOn(backend, trial.plan);
  const scope = new Scope(backend);
  const y = solve(backend, operatorOn(scope, problem), scope.put(problem.rhs, shapesOf(problem.sizes).rhs));
  const pending = backend.read(y).then(
    (data) => demandEqual("read in flight when its backend was disposed", data, want),
    (error: unknown) =>
      demand(
        error instanceof DlrtError,
        `read in flight at dispose(): expected a DlrtError, got ${textOf(error)}`,
      ),
  );
  const dispose = (): Promise<void> => trial.step("dispose", () => backend.dispose());
  await Promise.all([dispose(), dispose(), trial.step("read", () => pending)]);
  demand(backend.memory().tensors === 0, "dispose() with work in flight: expected memory() to be 0");
  trial.count();
}

export function orderCases(): Case[] {
  const kernels = ["solve", "apply"] as const;
  const of = (name: string, run: Case["run"]): Case => ({
    ...{ suite: "order", operation: "order, concurrency", name, kernels, run },
  });
  return [
    of("a read is a snapshot", snapshots),
    of("inputs may go at once", inputsGone),
    of("a chain without waiting", chain),
    of("concurrent users", concurrent),
    of("dispose with work in flight", endInFlight),
  ];
}
