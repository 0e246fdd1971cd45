/**
 * What gates may do beyond a decay: a NaN reaches its own row and later ones only; through a reset no finite number
 * passes; g > 0 is growth; and `check` tells of NaN and of g > 0.
 */
import { apply, newFloatArray, solve, ValueError, type Dtype, type FloatArray } from "@dlrt/core";
import { operatorOn, plainCall, run, runInverse, sayCall, type Call } from "../calls.js";
import { channelsOf, type GateKind } from "../gates.js";
import { gateKinds, needs, titleFor } from "../kinds.js";
import { makeProblem, nameOf, shapesOf, type Problem } from "../problems.js";
import { Random } from "../random.js";
import { afford, affordSquare } from "../sizes.js";
import { textOf } from "../text.js";
import { caught, demand, type Case, type Scope, type Trial } from "../trial.js";
import { growth, overflow } from "./growing-gates.js";

type Verb = "solve" | "apply";
const chunks = [undefined, 1, 16, 24, 64] as const;

/** Returns the problem with a decay so slow that no factor vanishes: a NaN times what is left of it stays NaN. */
function slowly(problem: Problem, kind: GateKind, seed: number): Problem & { readonly decay: FloatArray } {
  const { batch, n, r } = problem.sizes;
  const random = new Random(seed);
  const decay = newFloatArray(problem.dtype, batch * n * channelsOf({ kind }, r));
  return { ...problem, decay: decay.map(() => -0.3 * random.uniform()) };
}

/** Returns the problem with `value` as the g of row `row` of entry 1, in its first channel or in all. */
function withGap(problem: Problem, row: number, value: number, all: boolean): Problem {
  const { n } = problem.sizes;
  const decay = problem.decay!.slice();
  const channels = decay.length / (problem.sizes.batch * n);
  const start = (n + row) * channels;
  decay.fill(value, start, start + (all ? channels : 1));
  return { ...problem, decay };
}

/** Demands that rows visited before a NaN, and the other batch entry, keep every bit, and that the rows after it are not finite. */
async function notANumber(trial: Trial, verb: Verb, kind: GateKind): Promise<void> {
  const sizes = afford({ batch: 2, n: 70, r: 5, p: 3 }, trial.plan);
  const { n, p } = sizes;
  if (sizes.batch < 2 || n === 0) return trial.count();
  const dtype = trial.subject.dtype!;
  const problem = slowly(makeProblem("delta-net", sizes, dtype, trial.plan.seed), kind, trial.plan.seed);
  for (const [index, row] of [0, 1, 15, 16, 33, 64, 69].filter((one) => one < n).entries()) {
    for (const trans of [false, true]) {
      const call = { ...plainCall, trans, chunk: chunks[index % chunks.length], stateful: true, final: true };
      await trial.scoped(async (scope) => {
        const clean = await run(verb, scope, problem, call);
        const faulty = await run(verb, scope, withGap(problem, row, NaN, false), call);
        const where = `${verb}, NaN in the decay at row ${row} of ${nameOf(problem)}; ${sayCall(call)}`;
        clean.out.forEach((value, at) => {
          const [entry, i] = [Math.floor(at / (n * p)), Math.floor(at / p) % n];
          // Transposed, row i is read before its own gap: it may be clean or not.
          if (entry === 1 && i === row && trans) return;
          const before = entry === 0 || (trans ? i > row : i < row);
          const right = before ? Object.is(value, faulty.out[at]) : !Number.isFinite(faulty.out[at]!);
          demand(right, `${where}: row ${i} of entry ${entry} is ${faulty.out[at]}, ${value} without it`);
        });
        const lost = faulty.finalState!.subarray(sizes.r * p).some(Number.isNaN);
        demand(sizes.r === 0 || lost, `${where}: the final state knows nothing of it`);
      });
      trial.count();
    }
  }
}

async function inverseOfNaN(trial: Trial, kind: GateKind): Promise<void> {
  const sizes = affordSquare({ batch: 2, n: 50, r: 4 }, trial.plan);
  const { n } = sizes;
  const dtype = trial.subject.dtype!;
  const problem = slowly(makeProblem("delta-net", sizes, dtype, trial.plan.seed), kind, trial.plan.seed);
  for (const [index, row] of [1, 17, 33, 49].filter((one) => one < n).entries()) {
    await trial.scoped(async (scope) => {
      const call = { chunk: chunks[index], given: true };
      const clean = await runInverse(scope, problem, call);
      const faulty = await runInverse(scope, withGap(problem, row, NaN, false), call);
      const end = n * n + row * n;
      const at = clean.subarray(0, end).findIndex((value, place) => !Object.is(value, faulty[place]));
      const where = `inverse, NaN in the decay at row ${row}`;
      demand(at < 0, `${where}: element ${at} of the rows before is ${faulty[at]}`);
      demand(Number.isNaN(faulty[end]!), `${where}: its own row is ${faulty[end]}`);
      const above = faulty.findIndex((value, place) => place % n > Math.floor(place / n) % n && value !== 0);
      demand(above < 0, `${where}: ${faulty[above]} above the diagonal`);
    });
    trial.count();
  }
}

/** Returns `data` with rows [start, end) of entry 1 from another problem, a thousand times as large. */
function replaced(
  data: FloatArray,
  other: FloatArray,
  rows: number,
  [start, end]: readonly [number, number],
) {
  const cols = data.length / (2 * rows);
  const changed = data.slice();
  for (let at = (rows + start) * cols; at < (rows + end) * cols; at++) changed[at] = 1000 * other[at]!;
  return changed;
}

/** Demands that other numbers before a reset change nothing after it, nor in the final state. */
async function separated(trial: Trial, verb: Verb, kind: GateKind): Promise<void> {
  const sizes = afford({ batch: 2, n: 70, r: 5, p: 3 }, trial.plan);
  const { n, r, p } = sizes;
  const { seed } = trial.plan;
  if (sizes.batch < 2 || n < 2) return trial.count();
  const dtype = trial.subject.dtype!;
  const drawn = slowly(makeProblem("delta-net", sizes, dtype, seed), kind, seed);
  const other = makeProblem("delta-net", sizes, dtype, seed + 1);
  for (const [index, row] of [1, 15, 16, 33, 64].filter((one) => one < n).entries()) {
    for (const trans of [false, true]) {
      const problem = withGap(drawn, row, -Infinity, true);
      const rows = trans ? ([row, n] as const) : ([0, row] as const);
      const g = trans ? "q" : "k";
      const changed = {
        ...problem,
        rhs: replaced(problem.rhs, other.rhs, n, rows),
        state: replaced(problem.state, other.state, r, [0, r]),
        // Larger keys would make T⁻¹ grow in a solve, so that its keys stay as they are.
        [g]: verb === "apply" ? replaced(problem[g], other[g], n, rows) : problem[g],
      };
      const call: Call = { ...plainCall, trans, chunk: chunks[index], stateful: true, final: true };
      await trial.scoped(async (scope) => {
        const one = await run(verb, scope, problem, call);
        const two = await run(verb, scope, changed, call);
        const where = `${verb}, reset at row ${row} of ${nameOf(problem)}; ${sayCall(call)}`;
        one.out.forEach((value, at) => {
          const i = Math.floor(at / p) % n;
          const after = at < n * p || (trans ? i < row : i >= row);
          demand(
            !after || value === two.out[at],
            `${where}: row ${i} is ${value}, ${two.out[at]} after other rows`,
          );
        });
        const at = one.finalState!.findIndex((value, place) => value !== two.finalState![place]);
        demand(at < 0, `${where}: the final state remembers what was before`);
      });
      trial.count();
    }
  }
}

function refusal(scope: Scope, problem: Problem, verb: Verb): Promise<unknown> {
  return caught(async () => {
    const rhs = scope.put(problem.rhs, shapesOf(problem.sizes).rhs);
    const op = operatorOn(scope, problem);
    const out = (verb === "solve" ? solve : apply)(scope.backend, op, rhs, { check: true });
    await scope.read(scope.own(out));
  });
}

/** Demands that `check` names batch and row of a positive or NaN g, and lets resets pass. */
async function checked(trial: Trial, verb: Verb, kind: GateKind): Promise<void> {
  const sizes = afford({ batch: 2, n: 37, r: 3, p: 2 }, trial.plan);
  if (sizes.batch < 2 || sizes.n < 6) return trial.count();
  const dtype = trial.subject.dtype!;
  const problem = slowly(makeProblem("delta-net", sizes, dtype, trial.plan.seed), kind, 1);
  for (const [value, row] of [
    [1e-9, 5],
    [NaN, 0],
    [Infinity, sizes.n - 1],
  ] as const) {
    const error = await trial.scoped((scope) => refusal(scope, withGap(problem, row, value, false), verb));
    const where = `${verb} with check, g = ${value} at batch 1, row ${row}`;
    demand(error instanceof ValueError, `${where}: expected a ValueError, got ${textOf(error)}`);
    demand(error.message.includes(`batch 1, row ${row}`), `${where}: the error says "${error.message}"`);
    trial.count();
  }
  const good = withGap(problem, 3, -Infinity, true);
  const error = await trial.scoped((scope) => refusal(scope, good, verb));
  demand(error === undefined, `${verb} with check, resets: expected no error, got ${textOf(error)}`);
}

export function gateCases(shared: Pick<Case, "suite" | "operation">, dtype: Dtype): Case[] {
  return gateKinds.flatMap((kind) => {
    const of = (name: string, kernel: "solve" | "apply" | "inverse", run: Case["run"]): Case => ({
      ...{ ...shared, dtype, ...needs(kind), kernels: [kernel], run },
      name: `${titleFor(dtype, kind)}: ${name}`,
    });
    return [
      ...(["solve", "apply"] as const).flatMap((verb) => [
        of(`${verb}, a NaN in the decay`, verb, (t) => notANumber(t, verb, kind)),
        of(`${verb}, nothing finite passes a reset`, verb, (t) => separated(t, verb, kind)),
        of(`${verb}, g > 0 grows`, verb, (t) => growth(t, verb, kind)),
        of(`${verb}, check of the decay`, verb, (t) => checked(t, verb, kind)),
      ]),
      of("inverse, a NaN in the decay", "inverse", (t) => inverseOfNaN(t, kind)),
      of("apply, g > 0 overflows where it must", "apply", (t) => overflow(t, kind)),
    ];
  });
}
