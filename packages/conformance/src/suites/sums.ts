/** What chains of additions and of factors lose: see hard-sums.ts. Every case is a loop over sizes, chunks and both triangles. */
import type { Sizes } from "@dlrt/core";
import { gate } from "@dlrt/core/reference";
import { omegaOfApply, omegaOfSolve } from "../backward-error.js";
import { plainCall, run, sayCall } from "../calls.js";
import {
  equalEntries,
  hardSum,
  tinyOverChunks,
  tinyOverRank,
  slowDecay,
  tinyOverRows,
  type Ingredients,
} from "../hard-sums.js";
import type { GateKind } from "../gates.js";
import { makeProblem, nameOf, type Problem } from "../problems.js";
import { workOf, type Budget } from "../sizes.js";
import type { Case, Trial } from "../trial.js";

type Verb = "solve" | "apply";

/** How a problem is run, and whether it was built to defeat summation. If so, it may be off by twice as much. */
interface How {
  readonly adversarial: boolean;
  readonly lambda?: boolean;
  readonly chunk?: number;
  /** Whether the final state is judged too. Default true. */
  readonly final?: boolean;
}

async function judgeSum(trial: Trial, verb: Verb, problem: Problem, trans: boolean, how: How): Promise<void> {
  const { adversarial, chunk, lambda = true, final = true } = how;
  const call = { ...plainCall, trans, chunk, lambda, stateful: true, final };
  const omegaOf = verb === "solve" ? omegaOfSolve : omegaOfApply;
  const where = [nameOf(problem), sayCall(call), lambda ? "" : "no Λ"].filter(Boolean).join("; ");
  await trial.scoped(async (scope) => {
    const { out, finalState } = await run(verb, scope, problem, call);
    const omega = omegaOf(problem, call, out, finalState);
    trial.judge(where, omega, gate(problem.sizes.r, adversarial), problem.family);
  });
}

async function bothWays(
  trial: Trial,
  verb: Verb,
  ingredients: Ingredients,
  [n, r, p]: readonly [number, number, number],
  how: How,
): Promise<void> {
  for (const trans of [false, true]) {
    const sizes = { batch: 1, n, r, p };
    const problem = hardSum(ingredients, [verb, trans], sizes, trial.subject.dtype!);
    await judgeSum(trial, verb, problem, trans, how);
  }
}

/** Returns the same ranks and columns, with fewer rows where the budget does not allow so many. */
function rowsWithin(sizes: readonly (readonly [number, number, number])[], { maxN, maxWork }: Budget) {
  return sizes.map(([n, r, p]): [number, number, number] => [
    Math.min(n, maxN, Math.floor(maxWork / (r * p))),
    r,
    p,
  ]);
}

/** Runs from few rows of a large rank, where all products round alike, to many rows, where the additions to the state do. */
async function equal(trial: Trial, verb: Verb): Promise<void> {
  const wide = [
    [2, 512, 1],
    [2, 1024, 1],
    [256, 128, 1],
    [70, 64, 17],
    [1000, 4, 2],
  ] as const;
  for (const size of rowsWithin(wide, trial.plan)) {
    for (const c of [1, 0.9]) {
      await bothWays(trial, verb, equalEntries(size[1], c), size, { adversarial: false });
    }
  }
  const long = [
    [1000, 1, 1],
    [4096, 1, 1],
    [65536, 1, 1],
  ] as const;
  for (const size of rowsWithin(long, trial.plan)) {
    await bothWays(trial, verb, equalEntries(1, 0.1), size, { adversarial: false });
  }
}

async function overRank(trial: Trial, verb: Verb): Promise<void> {
  const ingredients = tinyOverRank(trial.subject.dtype!);
  const sizes = [20, 64, 128, 512, 1024].flatMap((r) => [[2, r, 1] as const, [17, r, 5] as const]);
  for (const size of rowsWithin(sizes, trial.plan)) {
    for (const lambda of verb === "apply" ? [true, false] : [true]) {
      await bothWays(trial, verb, ingredients, size, { adversarial: true, lambda });
    }
  }
}

async function overRows(trial: Trial, verb: Verb): Promise<void> {
  const ingredients = tinyOverRows(trial.subject.dtype!);
  for (const [rows, chunk] of [
    [64, undefined],
    [64, 64],
    [128, 128],
    [300, undefined],
  ] as const) {
    const sizes = [1, 17].map((p) => [rows, 1, p] as const);
    for (const size of rowsWithin(sizes, trial.plan)) {
      await bothWays(trial, verb, ingredients, size, { adversarial: true, ...(chunk && { chunk }) });
    }
  }
}

/** Runs as many chunks as are affordable, because a state whose compensation is dropped loses one ε a chunk. */
async function overChunks(trial: Trial, verb: Verb): Promise<void> {
  const dtype = trial.subject.dtype!;
  for (const every of [1, 16, 32, 64, 128]) {
    for (const size of rowsWithin([[64 * every, 1, 1]], trial.plan)) {
      for (const chunk of every < 16 ? [undefined] : [undefined, every]) {
        const how = { adversarial: true, ...(chunk && { chunk }) };
        await bothWays(trial, verb, tinyOverChunks(dtype, every), size, how);
      }
    }
  }
  for (const size of rowsWithin([[4096, 4, 17]], trial.plan)) {
    await bothWays(trial, verb, tinyOverChunks(dtype, 64), size, { adversarial: true });
  }
}

/**
 * Runs sums of one sign, in which the roundings of a state add up. With one rounding a row, ω passes 16 ε between 1,000
 * and 65,537 rows.
 */
async function oneSign(trial: Trial, verb: Verb): Promise<void> {
  const { maxN, maxWork, seed } = trial.plan;
  for (const n of [8192, 65537]) {
    const sizes: Sizes = { batch: 1, n, r: 1, p: 1 };
    if (n > maxN || workOf(sizes) > maxWork) continue;
    for (const trans of [false, true]) {
      const problem = makeProblem("one sign", sizes, trial.subject.dtype!, seed);
      await judgeSum(trial, verb, problem, trans, { adversarial: false });
    }
  }
}

/** Runs a decay of g = −1e-8, which needs 65,536 rows to show: after 256 rows no decay at all would be as near as the gate asks. */
async function slow(trial: Trial, verb: Verb, kind: GateKind): Promise<void> {
  const trans = verb === "apply"; // one way each: many rows are dear to judge
  const slowest = slowDecay(-1e-8);
  const ingredients = kind === "row" ? slowest : { ...slowest, gap: [-1e-8, -3e-8] };
  for (const size of rowsWithin([[65536, kind === "row" ? 1 : 2, 1]], trial.plan)) {
    const [n, r, p] = size;
    const problem = hardSum(ingredients, [verb, trans], { batch: 1, n, r, p }, trial.subject.dtype!);
    await judgeSum(trial, verb, problem, trans, { adversarial: false, final: problem.dtype === "f32" });
  }
}

/** Runs factors that are always rounded to the same side, on sums that are so too, and on one impulse, which nothing hides. */
async function unluckyGates(trial: Trial, verb: Verb, kind: GateKind): Promise<void> {
  const dtype = trial.subject.dtype!;
  const sizes = [
    [130, 16, 1],
    [256, 3, 2],
  ] as const;
  for (const [n, r, p] of rowsWithin(sizes, trial.plan)) {
    const { decay } = makeProblem("constant", { batch: 1, n: 1, r, p }, dtype, trial.plan.seed, {
      ...{ name: "unlucky constants", kind },
    });
    const gap = kind === "row" ? decay![0]! : Array.from(decay!);
    const entry = 1 / Math.sqrt(r);
    const impulse = { family: "one impulse", q: entry, k: entry, x: (row: number) => (row === 0 ? 1 : 0) };
    for (const ingredients of [equalEntries(r, 0.9), impulse]) {
      for (const chunk of ingredients === impulse ? [undefined] : [undefined, 64]) {
        const how = { adversarial: true, ...(chunk && { chunk }) };
        await bothWays(trial, verb, { ...ingredients, gap }, [n, r, p], how);
      }
    }
  }
}

export function decaySumCases(
  verb: Verb,
  kind: GateKind,
  of: (name: string, run: Case["run"]) => Case,
): Case[] {
  const judged = (verb === "solve") === (kind === "row"); // each kind in one verb: the judge takes a second
  return [
    ...(judged
      ? [of("slow decay of constant data over 65,536 rows", (trial) => slow(trial, verb, kind))]
      : []),
    of("unlucky gates on sums that are not random", (trial) => unluckyGates(trial, verb, kind)),
  ];
}

export function sumCases(verb: Verb, of: (name: string, run: Case["run"]) => Case): Case[] {
  return [
    of("sums of equal entries", (trial) => equal(trial, verb)),
    of("sums of one large product and many tiny ones", (trial) => overRank(trial, verb)),
    of("sums of one large row and many tiny ones", (trial) => overRows(trial, verb)),
    of("sums of a large state and many tiny rows", (trial) => overChunks(trial, verb)),
    of("long sums of one sign", (trial) => oneSign(trial, verb)),
  ];
}
