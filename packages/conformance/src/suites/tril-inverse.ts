/**
 * A⁻¹ of small dense blocks, held to |X̂ − X| ≤ 4 ε |X||A||X|. The strict upper triangle of A is full of NaN, because
 * it must not be read.
 */
import {
  MAX_TRIL_BLOCK,
  newFloatArray,
  trilInverse,
  type Dtype,
  type FloatArray,
  type Shape,
} from "@dlrt/core";
import { BLOCK_GATE, dense, operatorOf } from "@dlrt/core/reference";
import fc from "fast-check";
import { omegaOfTrilInverse } from "../backward-error.js";
import { familyNames, makeProblem, nameOf, type FamilyName, type Problem } from "../problems.js";
import { affordSquare } from "../sizes.js";
import type { Case, Scope, Trial } from "../trial.js";

const blockSizes = [0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128];

/** Returns T of every batch entry as a dense block, batch·c·c, with NaN where it must not be read. */
export function denseBlocks(problem: Problem): FloatArray {
  const { batch, n } = problem.sizes;
  const a = newFloatArray(problem.dtype, batch * n * n).fill(NaN);
  for (let e = 0; e < batch; e++) {
    const t = dense.materialize(operatorOf({ ...problem.sizes, ...problem }, e));
    for (let i = 0; i < n; i++) a.set(t.subarray(i * n, i * n + i + 1), (e * n + i) * n);
  }
  return a;
}

export async function runTrilInverse(
  scope: Scope,
  a: FloatArray,
  [batch, c]: readonly [number, number],
  given: boolean,
): Promise<FloatArray> {
  const shape: Shape = [batch, c, c];
  const dtype = a.BYTES_PER_ELEMENT === 4 ? "f32" : "f64";
  if (!given) scope.poisonFree(shape, dtype);
  const out = given ? scope.poisoned(shape, dtype) : undefined;
  return scope.read(scope.own(trilInverse(scope.backend, scope.put(a, shape), { out })));
}

async function judgeOne(
  trial: Trial,
  scope: Scope,
  [family, batch, c, seed]: readonly [FamilyName, number, number, number],
  given: boolean,
): Promise<void> {
  const problem = makeProblem(family, { batch, n: c, r: 8, p: 0 }, trial.subject.dtype!, seed);
  const a = denseBlocks(problem);
  const out = await runTrilInverse(scope, a, [batch, c], given);
  trial.judge(`block of ${nameOf(problem)}`, omegaOfTrilInverse(a, out, batch, c), BLOCK_GATE);
}

async function sweep(trial: Trial): Promise<void> {
  for (const family of familyNames) {
    for (const [index, c] of blockSizes.entries()) {
      if (c > 33 && c !== 64 && c !== 128 && family !== "delta-net") continue;
      if (affordSquare({ batch: 1 + (index % 2), n: c, r: 1 }, trial.plan).n < c) continue;
      const one = [family, 1 + (index % 2), c, trial.plan.seed] as const;
      await trial.scoped((scope) => judgeOne(trial, scope, one, index % 3 > 0));
    }
  }
}

function anyBlock(trial: Trial): Promise<void> {
  const values = fc.record({
    family: fc.constantFrom(...familyNames),
    batch: fc.nat(5),
    c: fc.oneof(fc.nat(MAX_TRIL_BLOCK), fc.constantFrom(...blockSizes)),
    given: fc.boolean(),
    seed: fc.nat(),
  });
  return trial.property(values, (scope, { family, batch, c, given, seed }) =>
    judgeOne(trial, scope, [family, batch, affordSquare({ batch, n: c, r: 1 }, trial.plan).n, seed], given),
  );
}

export function trilInverseCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const shared = {
      suite: "trilInverse",
      operation: "trilInverse",
      dtype,
      kernels: ["trilInverse"],
    } as const;
    return [
      { ...shared, name: `${dtype}: every family and block size`, run: sweep },
      { ...shared, name: `${dtype}: any block`, run: anyBlock },
    ];
  });
}
