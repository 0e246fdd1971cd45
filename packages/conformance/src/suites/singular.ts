/** λ = 0 gives ∞ or NaN from its row on, and a SingularError where `check` is asked for. */
import { inverse, newFloatArray, solve, SingularError, type Dtype, type FloatArray } from "@dlrt/core";
import { operatorOn, plainCall, run } from "../calls.js";
import { makeProblem, shapesOf, type Problem } from "../problems.js";
import { afford, affordSquare } from "../sizes.js";
import { textOf } from "../text.js";
import { caught, demand, type Case, type Scope, type Trial } from "../trial.js";

const most = { batch: 2, n: 37, r: 3, p: 2 };
/** Tells whether the plan leaves a problem large enough to have this row and entry. */
const exists = ({ sizes }: Problem, entry: number, row: number): boolean =>
  entry < sizes.batch && row < sizes.n;
/** The smallest positive number of the dtype. 1/λ overflows, whether or not a device flushes λ to 0. */
const smallest: Readonly<Record<Dtype, number>> = { f32: 2 ** -149, f64: 2 ** -1074 };

function withLambda(problem: Problem, entry: number, row: number, value: number): Problem {
  const diag: FloatArray = problem.diag.slice();
  diag[entry * problem.sizes.n + row] = value;
  return { ...problem, diag };
}

async function placement(trial: Trial): Promise<void> {
  const dtype = trial.subject.dtype!;
  const sizes = afford(most, trial.plan);
  const drawn = makeProblem("delta-net", sizes, dtype, trial.plan.seed);
  const problem = { ...drawn, rhs: drawn.rhs.map((x) => (x < 0 ? x - 1 : x + 1)) };
  for (const value of [0, -0, smallest[dtype]]) {
    for (const [row, trans] of [
      [0, false],
      [20, false],
      [20, true],
      [36, false],
    ] as const) {
      if (!exists(problem, 1, row)) continue;
      await trial.scoped(async (scope) => {
        const call = { ...plainCall, trans };
        const clean = await run("solve", scope, problem, call);
        const { out } = await run("solve", scope, withLambda(problem, 1, row, value), call);
        const where = `solve, λ = ${Object.is(value, -0) ? "−0" : value} at row ${row}, trans ${trans}`;
        for (let at = 0; at < out.length; at++) {
          const i = Math.floor(at / sizes.p) % sizes.n;
          const before = at < sizes.n * sizes.p || (trans ? i > row : i < row);
          if (before) demand(Object.is(out[at], clean.out[at]), `${where}: row ${i} before it is ${out[at]}`);
          else if (i === row) demand(!Number.isFinite(out[at]!), `${where}: its own row is ${out[at]}`);
        }
        trial.count();
      });
    }
  }
}

/** The largest power of two that is subnormal. Its reciprocal is finite. */
const subnormal: Readonly<Record<Dtype, number>> = { f32: 2 ** -127, f64: 2 ** -1023 };

/** Demands that a λ below the normal numbers is computed with exactly, or counts as 0 where the backend declares that. */
async function subnormalLambda(trial: Trial): Promise<void> {
  const dtype = trial.subject.dtype!;
  const flushes = trial.backend.supports.flushesSubnormals === true;
  const lambda = subnormal[dtype];
  const none = { batch: 1, n: 3, r: 1, p: 1 };
  const fill = (value: number): FloatArray => newFloatArray(dtype, 3).fill(value);
  const problem = { ...makeProblem("delta-net", none, dtype, 1), q: fill(0), k: fill(0), rhs: fill(1) };
  const diag = fill(1);
  diag.set([lambda, -lambda], 1);
  for (const verb of kernelsOf(trial)) {
    for (const scale of [1, 2 ** 30, 2 ** -30]) {
      // T is diagonal here, and everything is a power of two: solve gives 1/(scale λ), and apply gives λ scale.
      const rhs = fill(verb === "solve" ? Math.min(scale, 1) : Math.max(scale, 4));
      await trial.scoped(async (scope) => {
        const { out } = await run(verb, scope, { ...problem, diag, rhs }, plainCall);
        for (const i of [0, 1, 2]) {
          const exact = verb === "solve" ? rhs[i]! / diag[i]! : rhs[i]! * diag[i]!;
          const flushed = verb === "solve" ? !Number.isFinite(out[i]!) : out[i] === 0;
          const right = out[i] === exact || (flushes && i > 0 && flushed);
          demand(right, `${verb}, λ = ${diag[i]}, ${rhs[i]} on the right: expected ${exact}, got ${out[i]}`);
        }
        trial.count();
      });
    }
  }
}

function kernelsOf({ backend }: Trial): ("solve" | "apply")[] {
  return (["solve", "apply"] as const).filter((verb) => !backend.supports.missing?.includes(verb));
}

function refusal(scope: Scope, problem: Problem, verb: "solve" | "inverse"): Promise<unknown> {
  const op = operatorOn(scope, problem);
  return caught(async () => {
    const b = scope.put(problem.rhs, shapesOf(problem.sizes).rhs);
    const out =
      verb === "solve"
        ? solve(scope.backend, op, b, { check: true })
        : inverse(scope.backend, op, { check: true });
    await scope.read(scope.own(out));
  });
}

async function checked(trial: Trial): Promise<void> {
  const dtype = trial.subject.dtype!;
  const sizes = afford(most, trial.plan);
  const { n } = affordSquare({ ...sizes, r: 1 }, trial.plan); // the inverse has n columns
  const problem = makeProblem("delta-net", { ...sizes, n }, dtype, trial.plan.seed);
  for (const verb of ["solve", "inverse"] as const) {
    for (const [entry, row, value] of [
      [0, 0, 0],
      [1, 36, -0],
      [1, 5, 0],
    ] as const) {
      if (!exists(problem, entry, row)) continue;
      const error = await trial.scoped((scope) =>
        refusal(scope, withLambda(problem, entry, row, value), verb),
      );
      const where = `${verb} with check, λ = 0 at batch ${entry}, row ${row}`;
      demand(error instanceof SingularError, `${where}: expected a SingularError, got ${textOf(error)}`);
      demand(
        error.batch === entry && error.row === row,
        `${where}: the error names batch ${error.batch}, row ${error.row}`,
      );
      trial.count();
    }
    if (!exists(problem, 0, 3)) continue;
    const error = await trial.scoped((scope) =>
      refusal(scope, withLambda(problem, 0, 3, smallest[dtype]), verb),
    );
    const where = `${verb} with check, λ = ${smallest[dtype]} at batch 0, row 3`;
    if (trial.backend.supports.flushesSubnormals) {
      const named = error instanceof SingularError && error.batch === 0 && error.row === 3;
      demand(
        named,
        `${where}: expected a SingularError that names it where subnormals are 0, got ${textOf(error)}`,
      );
    } else {
      demand(error === undefined, `${where}: it is not 0, got ${textOf(error)}`);
    }
  }
  const after = await trial.scoped((scope) => run("solve", scope, problem, plainCall));
  demand(
    after.out.every(Number.isFinite),
    "solve after a SingularError: expected the backend to go on working",
  );
}

export function singularCases(shared: Pick<Case, "suite" | "operation">, dtype: Dtype): Case[] {
  const kernels = ["solve", "inverse"] as const;
  return [
    { ...shared, name: `${dtype}: λ = 0, −0 and subnormal`, dtype, kernels: ["solve"], run: placement },
    { ...shared, name: `${dtype}: subnormal λ counts, or is declared not to`, dtype, run: subnormalLambda },
    { ...shared, name: `${dtype}: check names batch and row`, dtype, kernels, run: checked },
  ];
}
