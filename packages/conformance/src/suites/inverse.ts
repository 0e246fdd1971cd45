/** Y = T⁻¹, held to |X̂ − X| ≤ `gate(r)` ε |X||T||X| element by element, with nothing but 0 above the diagonal. */
import type { DecayKind, Dtype, Sizes } from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import fc from "fast-check";
import { omegaOfInverse } from "../backward-error.js";
import { runInverse } from "../calls.js";
import { equalEntries, hardSum, tinyOverRank, tinyOverRows } from "../hard-sums.js";
import { gateNames, type GateKind, type Gates } from "../gates.js";
import { anyGates, gateKinds, needs, titleFor } from "../kinds.js";
import { familyNames, groupOf, growing, makeProblem, nameOf, type FamilyName } from "../problems.js";
import { affordSquare, anySizes, atMost, awkward } from "../sizes.js";
import type { Case, Scope, Trial } from "../trial.js";

/** The number of rows beyond which an answer of a growing family would leave the range of f32. */
const GROWTH_ROWS = 128;

/**
 * The number of cases per property from which a run counts as a long one, which may spend seconds on one inverse of
 * 1000 rows: its bound costs n³.
 */
const LONG_RUN = 200;

async function judgeOne(
  trial: Trial,
  scope: Scope,
  [family, sizes, seed, gates]: readonly [FamilyName, Sizes, number, (Gates | undefined)?],
  call: { chunk: number | undefined; given: boolean },
): Promise<void> {
  const { n: most } = affordSquare({ ...sizes, r: 1 }, trial.plan); // the result has n columns
  const n = growing.has(family) ? Math.min(most, GROWTH_ROWS) : most;
  const problem = makeProblem(family, { ...sizes, n, p: n }, trial.subject.dtype!, seed, gates);
  const out = await runInverse(scope, problem, call);
  const where = nameOf(problem) + (call.chunk ? `; chunk ${call.chunk}` : "");
  trial.judge(where, omegaOfInverse(problem, out), gate(sizes.r), groupOf(problem));
}

async function sweep(trial: Trial): Promise<void> {
  const { maxN, maxWork, seed, cases } = trial.plan;
  const most = Math.min(maxN, Math.floor(Math.sqrt(maxWork)));
  const sizes = [
    ...awkward.n.filter((n) => n <= most && n < 1000).map((n) => ({ batch: 2, n, r: 5 })),
    ...awkward.r.map((r) => ({ batch: 1, n: Math.min(65, most), r })),
    ...awkward.batch.map((batch) => ({ batch, n: Math.min(40, most), r: 3 })),
    { batch: 1, n: Math.min(cases < LONG_RUN ? 300 : 1000, most), r: 4 },
  ];
  for (const [index, size] of sizes.entries()) {
    const family = index % 2 === 0 ? "delta-net" : "general Λ";
    const call = { chunk: undefined, given: index % 3 > 0 };
    await trial.scoped((scope) =>
      judgeOne(trial, scope, [family, { ...size, p: size.n }, seed + index], call),
    );
  }
}

/** Runs sums over r, and over the rows of Z, that are not random: see hard-sums.ts. */
async function hardSums(trial: Trial): Promise<void> {
  const dtype = trial.subject.dtype!;
  // The exact inverse of 200 rows of rank 512 would take seconds in double-double.
  const equal = [dtype === "f32" ? [200, 512] : [64, 512], [300, 1]] as const;
  const problems = [
    ...equal.flatMap(([n, r]) => [1, 0.9].map((c) => [equalEntries(r!, c), n!, r!, false] as const)),
    ...[20, 128, 512, 1024].map((r) => [tinyOverRank(dtype), 3, r, true] as const),
    [tinyOverRows(dtype), 64, 1, true] as const,
    [tinyOverRows(dtype), 200, 1, true] as const,
  ];
  for (const [ingredients, rows, r, adversarial] of problems) {
    const { n } = affordSquare({ batch: 1, n: rows, r: 1 }, trial.plan);
    if (n < 2) continue;
    const problem = hardSum(ingredients, ["apply", false], { batch: 1, n, r, p: n }, dtype);
    await trial.scoped(async (scope) => {
      const out = await runInverse(scope, problem, { chunk: undefined, given: true });
      const omega = omegaOfInverse(problem, out);
      trial.judge(nameOf(problem), omega, gate(r, adversarial), problem.family);
    });
  }
}

async function everyGate(trial: Trial, kind: GateKind): Promise<void> {
  for (const [index, name] of gateNames.entries()) {
    const family = familyNames[index % familyNames.length]!;
    const sizes = { batch: 1, n: Math.min(50, trial.plan.maxN), r: 5, p: 1 };
    const one = [family, sizes, trial.plan.seed + index, { name, kind }] as const;
    const call = { chunk: [undefined, 16, 64][index % 3], given: index % 2 === 0 };
    await trial.scoped((scope) => judgeOne(trial, scope, one, call));
  }
}

function anyProblem(trial: Trial, kind: DecayKind): Promise<void> {
  const values = fc.record({
    family: fc.constantFrom(...familyNames),
    sizes: anySizes(atMost(trial.plan, 130)),
    chunk: fc.constantFrom(undefined, 1, 7, 16, 32, 64, 100, 1000),
    given: fc.boolean(),
    gates: anyGates(kind),
    seed: fc.nat(),
  });
  return trial.property(
    values,
    (scope, { family, sizes, seed, gates, ...call }) =>
      judgeOne(trial, scope, [family, sizes, seed, gates], call),
    kind === "none" ? 1 : 0.5,
  );
}

export function inverseCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const shared = { suite: "inverse", operation: "inverse", dtype, kernels: ["inverse"] } as const;
    return [
      { ...shared, name: `${dtype}: every awkward size`, run: sweep },
      { ...shared, name: `${dtype}: sums that are not random`, run: hardSums },
      { ...shared, name: `${dtype}: any problem`, run: (trial) => anyProblem(trial, "none") },
      ...gateKinds.flatMap((kind): Case[] => {
        const ofKind = { ...shared, ...needs(kind) };
        const title = titleFor(dtype, kind);
        return [
          { ...ofKind, name: `${title}: every family of gates`, run: (t) => everyGate(t, kind) },
          { ...ofKind, name: `${title}: any problem`, run: (t) => anyProblem(t, kind) },
        ];
      }),
    ];
  });
}
