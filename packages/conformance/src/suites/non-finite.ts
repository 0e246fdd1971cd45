/**
 * NaN, ∞ and overflow stay where they belong: they reach no row before their own, no other column, and no other batch
 * entry. Nothing that they do not reach may change by a single bit.
 */
import type { Dtype, FloatArray } from "@dlrt/core";
import fc from "fast-check";
import { anyCall, plainCall, run, runInverse, sayCall, type Answer, type Call } from "../calls.js";
import { makeProblem, nameOf, type Problem } from "../problems.js";
import { afford, affordSquare, anySizes, atMost } from "../sizes.js";
import { demand, type Case, type Scope, type Trial } from "../trial.js";
import { gateCases } from "./gates-beyond.js";
import { growthCases } from "./growth.js";
import { singularCases } from "./singular.js";

type Verb = "solve" | "apply";
const slots = ["diag", "q", "k", "rhs", "state"] as const;
type Slot = (typeof slots)[number];

/** Where one element of a slot lies, and with what it is overwritten. */
interface Fault {
  readonly slot: Slot;
  readonly value: number;
  readonly entry: number;
  /** The row of T as it is visited: 0 is the first that op(T) visits. For the state, the row of Z. */
  readonly step: number;
  readonly column: number;
}

function withFault(problem: Problem, { slot, value, entry, step, column }: Fault, trans: boolean): Problem {
  const { n, r, p } = problem.sizes;
  const cols = { diag: 1, q: r, k: r, rhs: p, state: p }[slot];
  const rows = slot === "state" ? r : n;
  const row = trans && slot !== "state" ? n - 1 - step : step;
  const data = problem[slot].slice();
  data[(entry * rows + row) * cols + column] = value;
  return { ...problem, [slot]: data };
}

/**
 * What an element must be: "clean" stands for the very bits of the run without the fault, "lost" for a number that is
 * not finite, and "either" for both.
 */
type Verdict = "clean" | "lost" | "either";

/** Returns what element (step, column) of `out` must be. NaN · 0 is NaN, so that a state that is lost is lost for all rows after it. */
function verdictOf(
  verb: Verb,
  fault: Fault,
  [step, column]: readonly [number, number],
  { call: { stateful, trans }, r }: { call: Call; r: number },
): Verdict {
  const { slot, step: at, value } = fault;
  // Without a rank, T's entries below the diagonal are empty sums. A dense chunk may multiply these zeros by NaN, or may not form them.
  const reached = (x: number): Verdict => (step === at || r > 0 ? lost(x) : "either");
  if (slot === "state") return column === fault.column ? lost(value) : "clean";
  if (step < at) return "clean";
  if (slot === "rhs") {
    return column === fault.column ? reached(value) : "clean";
  }
  if (slot === "diag") return step === at || verb === "solve" ? reached(value) : "clean";
  const reads = (slot === "q") !== trans; // F, which reads Z; else G, which writes it
  if (!reads) return step === at ? "clean" : lost(value);
  if (step > at && verb === "apply") return "clean";
  return at === 0 && !stateful ? "either" : lost(value);
}

/**
 * Returns what becomes of an element that `value` has reached. ∞ may meet 0 or an opposite ∞, or something may be
 * divided by it; only NaN is sure to stay.
 */
function lost(value: number): Verdict {
  return Number.isNaN(value) ? "lost" : "either";
}

function demandVerdicts(
  verb: Verb,
  [clean, faulty]: readonly [Answer, Answer],
  [problem, fault, call]: readonly [Problem, Fault, Call],
): void {
  const { batch, n, r, p } = problem.sizes;
  for (let at = 0; at < batch * n * p; at++) {
    const entry = Math.floor(at / (n * p));
    const row = Math.floor(at / p) % n;
    const step = call.trans ? n - 1 - row : row;
    const verdict = entry === fault.entry ? verdictOf(verb, fault, [step, at % p], { call, r }) : "clean";
    const where = `${verb}, ${fault.value} in ${fault.slot} at entry ${fault.entry}, row visited ${fault.step}, column ${fault.column} of ${nameOf(problem)}; ${sayCall(call)}: out at entry ${entry}, row visited ${step}, column ${at % p}`;
    if (verdict === "clean") {
      demand(
        Object.is(faulty.out[at], clean.out[at]),
        `${where}: expected ${clean.out[at]} as without it, got ${faulty.out[at]}`,
      );
    } else if (verdict === "lost") {
      demand(!Number.isFinite(faulty.out[at]!), `${where}: expected NaN or ∞, got ${faulty.out[at]}`);
    }
  }
}

function anyFault(trial: Trial, verb: Verb): Promise<void> {
  const values = fc.record({
    sizes: anySizes(atMost(trial.plan, 200)),
    call: anyCall(),
    slot: fc.constantFrom(...slots),
    value: fc.constantFrom(NaN, NaN, Infinity, -Infinity),
    place: fc.tuple(fc.nat(), fc.nat(), fc.nat()),
    seed: fc.nat(),
  });
  return trial.property(
    values,
    async (scope, { sizes, call: drawn, slot, value, place, seed }) => {
      const { batch, n, r, p } = sizes;
      const call = slot === "state" ? { ...drawn, stateful: true } : drawn;
      const rows = slot === "state" ? r : n;
      const cols = { diag: 1, q: r, k: r, rhs: p, state: p }[slot];
      trial.count();
      if (batch * rows * cols * p * n === 0) return;
      const [entry, step, column] = [place[0] % batch, place[1] % rows, place[2] % cols];
      const fault = { slot, value, entry: entry!, step: step!, column: column! };
      const problem = makeProblem("delta-net", sizes, trial.subject.dtype!, seed);
      const clean = await run(verb, scope, problem, call);
      const faulty = await run(verb, scope, withFault(problem, fault, call.trans), call);
      demandVerdicts(verb, [clean, faulty], [problem, fault, call]);
    },
    2,
  );
}

async function rowsBefore(scope: Scope, trial: Trial, chunk: number | undefined): Promise<void> {
  const sizes = affordSquare({ batch: 2, n: 50, r: 4 }, trial.plan);
  const { n, r } = sizes;
  const problem = makeProblem("delta-net", sizes, trial.subject.dtype!, trial.plan.seed);
  const clean = await runInverse(scope, problem, { chunk, given: true });
  for (const [slot, cols, own] of [
    ["diag", 1, 0],
    ["q", r, 0],
    ["k", r, 1],
  ] as const) {
    for (const row of [0, 17, 33, 49].filter((one) => one < n)) {
      const data: FloatArray = problem[slot].slice();
      data[(n + row) * cols] = NaN;
      const faulty = await runInverse(scope, { ...problem, [slot]: data }, { chunk, given: true });
      const end = n * n + (row + own) * n;
      const at = clean.subarray(0, end).findIndex((value, index) => !Object.is(value, faulty[index]));
      demand(
        at < 0,
        `inverse, NaN in ${slot} at row ${row}: element ${at} of the rows before is ${faulty[at]}`,
      );
      const above = faulty.findIndex((value, index) => index % n > Math.floor(index / n) % n && value !== 0);
      demand(above < 0, `inverse, NaN in ${slot} at row ${row}: ${faulty[above]} above the diagonal`);
      trial.count();
    }
  }
}

async function inverseKeepsRows(trial: Trial): Promise<void> {
  for (const chunk of [undefined, 1, 16, 24, 64]) {
    await trial.scoped((scope) => rowsBefore(scope, trial, chunk));
  }
}

/** Demands that α = 0 gives zeros and leaves the final state what it is for α = 1. */
async function alphaZero(trial: Trial, verb: Verb): Promise<void> {
  const sizes = afford({ batch: 2, n: 40, r: 5, p: 3 }, trial.plan);
  const problem = makeProblem("delta-net", sizes, trial.subject.dtype!, 1);
  await trial.scoped(async (scope) => {
    const call = { ...plainCall, final: true };
    const one = await run(verb, scope, problem, call);
    const zero = await run(verb, scope, problem, { ...call, alpha: 0 });
    demand(
      zero.out.every((value) => value === 0),
      `${verb}, α = 0: expected zeros`,
    );
    const same = zero.finalState!.every((value, at) => Object.is(value, one.finalState![at]));
    demand(same, `${verb}, α = 0: expected the final state of α = 1`);
    trial.count();
  });
}

export function nonFiniteCases(dtypes: readonly Dtype[] = ["f32", "f64"]): Case[] {
  return dtypes.flatMap((dtype) => {
    const shared = { suite: "non-finite", operation: "NaN, ∞, overflow", dtype };
    const verbs = (["solve", "apply"] as const).flatMap((verb): Case[] => [
      {
        ...shared,
        name: `${dtype}: ${verb}, a NaN or ∞ anywhere`,
        kernels: [verb],
        run: (trial) => anyFault(trial, verb),
      },
      {
        ...shared,
        name: `${dtype}: ${verb}, α = 0`,
        kernels: [verb],
        run: (trial) => alphaZero(trial, verb),
      },
    ]);
    const inverse = { ...shared, name: `${dtype}: inverse, a NaN in any row`, kernels: ["inverse"] as const };
    return [
      ...verbs,
      { ...inverse, run: inverseKeepsRows },
      ...growthCases(shared, dtype),
      ...singularCases(shared, dtype),
      ...gateCases(shared, dtype),
    ];
  });
}
