/** The exact class for inverses: of operators, and of dense blocks. */
import { newFloatArray, type DecayKind, type Dtype, type FloatArray, type Sizes } from "@dlrt/core";
import { operatorOf, recurrent } from "@dlrt/core/reference";
import fc from "fast-check";
import { runInverse } from "../calls.js";
import { demandEqual } from "../demands.js";
import { makeExact } from "../exact.js";
import { nameOf, type Problem } from "../problems.js";
import { affordSquare, anySizes, atMost } from "../sizes.js";
import type { Scope, Trial } from "../trial.js";
import { denseBlocks, runTrilInverse } from "./tril-inverse.js";

/** Returns T⁻¹ of a problem of the exact class, batch·n·n. */
export function exactInverse(problem: Problem): Float64Array {
  const { batch, n } = problem.sizes;
  const x = new Float64Array(batch * n * n);
  for (let e = 0; e < batch; e++) {
    x.set(recurrent.inverse(operatorOf({ ...problem.sizes, ...problem }, e)), e * n * n);
  }
  return x;
}

/** Returns blocks A on which every way to invert, merging halves too, is exact, their inverses, and a name for them. */
function exactBlocks(
  dtype: Dtype,
  batch: number,
  c: number,
  seed: number,
): { a: FloatArray; x: Float64Array; where: string } {
  const problem = makeExact({ batch, n: c, r: 8, p: 0 }, dtype, seed);
  const a = newFloatArray(dtype, batch * c * c);
  a.set(denseBlocks(problem));
  return { a, x: exactInverse(problem), where: `trilInverse of a block of ${nameOf(problem)}` };
}

export function anyExactInverse(trial: Trial, kind: DecayKind): Promise<void> {
  const values = fc.record({
    sizes: anySizes(atMost(trial.plan, 200)).map((sizes) => affordSquare(sizes, trial.plan)),
    chunk: fc.constantFrom(undefined, 1, 7, 16, 64, 128),
    given: fc.boolean(),
    seed: fc.nat(),
  });
  const judge = async (
    scope: Scope,
    { sizes, seed, ...call }: { sizes: Sizes; seed: number; chunk: number | undefined; given: boolean },
  ): Promise<void> => {
    const problem = makeExact(sizes, trial.subject.dtype!, seed, false, kind);
    demandEqual(`inverse, ${nameOf(problem)}`, await runInverse(scope, problem, call), exactInverse(problem));
    trial.count();
  };
  return trial.property(values, judge, kind === "none" ? 1 : 0.5);
}

/** Inverts more rows than 16 chunks of 64 have. To judge them by a bound would take n³ operations; an exact answer is compared at once. */
export async function longExactInverse(trial: Trial): Promise<void> {
  const { n } = affordSquare({ batch: 1, n: 1100, r: 1 }, trial.plan); // the result has n columns
  const problem = makeExact({ batch: 1, n, r: 6, p: 0 }, trial.subject.dtype!, trial.plan.seed);
  await trial.scoped(async (scope) => {
    const got = await runInverse(scope, problem, { chunk: undefined, given: true });
    demandEqual(`inverse, ${nameOf(problem)}`, got, exactInverse(problem));
  });
  trial.count();
}

export function anyExactBlock(trial: Trial): Promise<void> {
  const values = fc.record({
    batch: fc.integer({ min: 1, max: 4 }),
    n: fc.oneof(fc.nat(128), fc.constantFrom(16, 32, 64, 128)),
    given: fc.boolean(),
    seed: fc.nat(),
  });
  return trial.property(values, async (scope, { batch, n, given, seed }) => {
    const { n: c } = affordSquare({ batch, n, r: 1 }, trial.plan);
    const { a, x, where } = exactBlocks(trial.subject.dtype!, batch, c, seed);
    demandEqual(where, await runTrilInverse(scope, a, [batch, c], given), x);
    trial.count();
  });
}
