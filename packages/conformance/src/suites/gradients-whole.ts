/**
 * Whole gradients of small problems beside two truths: core's dense reference, and differences. `gradient-bounds`
 * derives from the problem how far they may be off.
 */
import {
  applyVjp,
  inverse,
  inverseVjp,
  newFloatArray,
  solve,
  solveVjp,
  unitRoundoff,
  type DecayKind,
  type Dtype,
  type FloatArray,
  type Tensor,
} from "@dlrt/core";
import { gate, identity } from "@dlrt/core/reference";
import fc from "fast-check";
import { worse, type Omega } from "../backward-error.js";
import { anyCall, operatorOn, readAll, sayCall, type Call } from "../calls.js";
import { gradientBounds } from "../gradient-bounds.js";
import { gradientNames, referenceGradients, type Gradients, type VjpCase } from "../gradient-case.js";
import { differences } from "../gradient-differences.js";
import type { Gates } from "../gates.js";
import { anyGates, decayKinds, needs, titleFor } from "../kinds.js";
import { familyNames, makeProblem, nameOf, shapesOf, type FamilyName, type Problem } from "../problems.js";
import { Random } from "../random.js";
import { afford, affordSquare, affordVjp } from "../sizes.js";
import type { Case, Scope, Trial } from "../trial.js";

type Verb = VjpCase["verb"];
type Cotangents = Record<"cotangent" | "finalCotangent", FloatArray>;

/** Computes the gradients on the backend. Their keys are those of `gradientNames`; a gradient that the verb does not have is absent. */
async function gradientsOn(
  verb: Verb,
  scope: Scope,
  problem: Problem,
  call: Call,
  { cotangent, finalCotangent }: Cotangents,
): Promise<Partial<Record<keyof Gradients, FloatArray>>> {
  const { backend } = scope;
  const shape = shapesOf(problem.sizes);
  const op = operatorOn(scope, problem);
  const gY = scope.put(cotangent, shape.rhs);
  if (verb === "inverse") {
    const y = scope.own(inverse(backend, op, { chunk: call.chunk }));
    return readAll(scope, inverseVjp(backend, op, y, gY, { chunk: call.chunk }));
  }
  const rhs = scope.put(problem.rhs, shape.rhs);
  const { trans, alpha, chunk } = call;
  const initialState = call.stateful ? scope.put(problem.state, shape.state) : undefined;
  const finalStateCotangent = call.final ? scope.put(finalCotangent, shape.state) : undefined;
  const options = { trans, alpha, chunk, initialState, finalStateCotangent };
  const named = (of: Record<string, Tensor>, rhsName: string): Record<string, Tensor> => {
    const { [rhsName]: gRhs, ...others } = of;
    return { ...others, rhs: gRhs! };
  };
  if (verb === "apply") {
    return readAll(scope, named({ ...applyVjp(backend, op, rhs, gY, options) }, "x"));
  }
  const y = scope.own(solve(backend, op, rhs, { trans, alpha, chunk, initialState }));
  return readAll(scope, named({ ...solveVjp(backend, op, y, gY, options) }, "b"));
}

/** Returns the same call for the reference. The batch is 1. */
function caseOf(verb: Verb, problem: Problem, call: Call, given: Cotangents): VjpCase {
  const { n, r, p } = problem.sizes;
  const f64 = (a: FloatArray): Float64Array => Float64Array.from(a);
  return {
    ...{ verb, p },
    op: {
      ...{ n, r, diag: f64(problem.diag), q: f64(problem.q), k: f64(problem.k) },
      decay: problem.decay && f64(problem.decay),
    },
    rhs: verb === "inverse" ? identity(n) : f64(problem.rhs),
    cotangent: f64(given.cotangent),
    options:
      verb === "inverse"
        ? {}
        : {
            trans: call.trans,
            alpha: call.alpha,
            initialState: call.stateful ? f64(problem.state) : undefined,
            finalStateCotangent: call.final ? f64(given.finalCotangent) : undefined,
          },
  };
}

/** Returns the largest error over all gradients, in units of `bounds` ε + `noise` 2⁻⁵³. */
function worstOf(
  got: Partial<Record<keyof Gradients, FloatArray>>,
  want: Gradients,
  bounds: Gradients,
  [dtype, noise]: readonly [Dtype, Gradients?],
): Omega {
  let worst = 0;
  for (const name of gradientNames) {
    got[name]?.forEach((value, at) => {
      const allowed =
        bounds[name][at]! * unitRoundoff[dtype] + (noise ? noise[name][at]! * unitRoundoff.f64 : 0);
      const error = Math.abs(value - want[name][at]!);
      worst = worse(worst, error === 0 ? 0 : error / allowed);
    });
  }
  return worst;
}

function whole(trial: Trial, verb: Verb, truth: "reference" | "differences", kind: DecayKind): Promise<void> {
  const values = fc.record({
    family: fc.constantFrom(...familyNames),
    n: fc.integer({ min: 1, max: truth === "reference" ? 40 : 9 }),
    r: fc.nat(truth === "reference" ? 6 : 3),
    p: fc.integer({ min: 1, max: truth === "reference" ? 6 : 3 }),
    gates: anyGates(kind),
    call: anyCall(),
    seed: fc.nat(),
  });
  const judge = async (scope: Scope, drawnCase: Drawn): Promise<void> => {
    const { family, n, r, p, gates, call: drawn, seed } = drawnCase;
    const dtype = trial.subject.dtype!;
    const call =
      verb === "inverse" ? { ...drawn, alpha: 1, trans: false, stateful: false, final: false } : drawn;
    const sizes =
      verb === "inverse"
        ? affordSquare({ batch: 1, n, r: Math.max(r, 1) }, trial.plan)
        : affordVjp(afford({ batch: 1, n, r, p }, trial.plan), trial.plan);
    const problem = makeProblem(family, sizes, dtype, seed, gates);
    const random = new Random(seed + 1);
    const given = {
      cotangent: random.fillNormal(newFloatArray(dtype, sizes.n * sizes.p)),
      finalCotangent: random.fillNormal(newFloatArray(dtype, sizes.r * sizes.p)),
    };
    const got = await gradientsOn(verb, scope, problem, call, given);
    const one = caseOf(verb, problem, call, given);
    const bounds = gradientBounds(one);
    const where = `${nameOf(problem)}; ${sayCall(call)}; beside ${truth}`;
    const limit = gate(Math.max(r, sizes.p));
    if (truth === "reference") {
      trial.judge(where, worstOf(got, referenceGradients(one), bounds, [dtype]), limit);
    } else {
      const { values: want, noise } = differences(one);
      trial.judge(where, worstOf(got, want, bounds, [dtype, noise]), limit);
    }
  };
  return trial.property(values, judge, kind === "none" ? 1 : 0.25);
}

interface Drawn {
  readonly family: FamilyName;
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly gates: Gates | undefined;
  readonly call: Call;
  readonly seed: number;
}

export function wholeGradientCases(dtype: Dtype): Case[] {
  const kernels = {
    solve: ["solve", "apply", "rowDot", "copy"],
    apply: ["apply", "rowDot", "copy"],
    inverse: ["inverse", "solve", "apply", "rowDot"],
  } as const;
  return decayKinds.flatMap((kind) =>
    (["solve", "apply", "inverse"] as const).flatMap((verb) =>
      (["reference", "differences"] as const).map((truth): Case => ({
        suite: "gradients",
        name: `${titleFor(dtype, kind)}: ${verb}Vjp beside ${truth === "reference" ? "the dense reference" : "differences"}`,
        operation: `${verb}Vjp`,
        dtype,
        ...needs(kind),
        kernels: kind === "none" ? kernels[verb] : [...kernels[verb], "decayVjp"],
        run: (trial) => whole(trial, verb, truth, kind),
      })),
    ),
  );
}
