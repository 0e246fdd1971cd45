/** Where results may go: over the right-hand side, over the initial state, or into a tensor that is given. */
import {
  apply,
  inverse,
  solve,
  trilInverse,
  type DecayKind,
  type Dtype,
  type FloatArray,
  type Sizes,
} from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import fc from "fast-check";
import { omegaOfSolve } from "../backward-error.js";
import { operatorOn, sayCall, anyCall, type Call } from "../calls.js";
import type { Gates } from "../gates.js";
import { anyGates, decayKinds, needs, titleFor, budgetFor } from "../kinds.js";
import {
  familyNames,
  groupOf,
  growing,
  makeProblem,
  nameOf,
  shapesOf,
  type FamilyName,
} from "../problems.js";
import { affordSquare, anySizes } from "../sizes.js";
import { demand, type Case, type Scope, type Trial } from "../trial.js";

/** Runs solve with `out` = b, and the final state over the initial one. All other inputs must stay as they were. */
function overRhs(trial: Trial, kind: DecayKind): Promise<void> {
  const values = fc.record({
    family: fc.constantFrom(...familyNames.filter((name) => !growing.has(name))),
    sizes: anySizes(budgetFor(trial.plan, kind)),
    gates: anyGates(kind),
    call: anyCall(),
    seed: fc.nat(),
  });
  const judge = async (scope: Scope, drawn: Drawn): Promise<void> => {
    const { family, sizes, gates, call, seed } = drawn;
    const problem = makeProblem(family, sizes, trial.subject.dtype!, seed, gates);
    const shape = shapesOf(sizes);
    const op = operatorOn(scope, problem);
    const b = scope.put(problem.rhs, shape.rhs);
    const state = scope.put(problem.state, shape.state);
    const { trans, alpha, chunk } = call;
    const finalState = call.final ? state : undefined;
    solve(scope.backend, op, b, {
      ...{ trans, alpha, chunk, finalState, out: b },
      initialState: call.stateful ? state : undefined,
    });
    const final = call.final ? await scope.read(state) : undefined;
    const omega = omegaOfSolve(problem, call, await scope.read(b), final);
    trial.judge(`${nameOf(problem)}; ${sayCall(call)}; out = b`, omega, gate(sizes.r), groupOf(problem));
    for (const name of ["diag", "q", "k", "decay"] as const) {
      const before: FloatArray | undefined = problem[name];
      if (before === undefined) continue;
      const after = await scope.read(op[name]!);
      demand(
        before.every((value, at) => Object.is(value, after[at])),
        `solve: changed its input ${name}`,
      );
    }
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

/** Demands that a given `out` is the tensor that comes back, and that nothing is allocated. */
async function givenOut(trial: Trial): Promise<void> {
  const sizes = affordSquare({ batch: 2, n: 20, r: 3 }, trial.plan);
  const problem = makeProblem("delta-net", sizes, trial.subject.dtype!, trial.plan.seed);
  await trial.scoped(async (scope) => {
    const { backend } = scope;
    const op = operatorOn(scope, problem);
    const rhs = scope.put(problem.rhs, shapesOf(sizes).rhs);
    const out = scope.poisoned(shapesOf(sizes).rhs, problem.dtype);
    const before = backend.memory();
    const missing = backend.supports.missing ?? [];
    const calls = {
      apply: () => apply(backend, op, rhs, { out }),
      solve: () => solve(backend, op, rhs, { out }),
      inverse: () => inverse(backend, op, { out }),
      trilInverse: () => trilInverse(backend, rhs, { out }),
    };
    for (const [name, call] of Object.entries(calls)) {
      if ((missing as string[]).includes(name)) continue;
      demand(call() === out, `${name}: expected \`out\` to be returned`);
      await trial.step("sync", () => backend.sync());
      const { tensors, bytes } = backend.memory();
      demand(
        tensors === before.tensors && bytes === before.bytes,
        `${name}: expected no tensor to be made where \`out\` is given`,
      );
      trial.count();
    }
  });
}

export function inPlaceCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const shared = { suite: "in place", operation: "in place", dtype };
    return [
      ...decayKinds.map((kind): Case => {
        const name = `${titleFor(dtype, kind)}: solve over b, state over state`;
        return { ...shared, ...needs(kind), name, kernels: ["solve"], run: (t) => overRhs(t, kind) };
      }),
      { ...shared, name: `${dtype}: out is returned, nothing allocated`, run: givenOut },
    ] satisfies Case[];
  });
}
