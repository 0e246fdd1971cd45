import type { Dtype, FloatArray } from "@dlrt/core";
import { dense, operatorOf } from "@dlrt/core/reference";
import { errorOf, isRight, type JudgedError, type Verdict } from "./accuracy/residual.js";
import type { Contender } from "./contenders/contender.js";
import { checksum, type OnProgress } from "./measure.js";
import type { Operation } from "./operations/operation.js";
import { inverseOperation } from "./operations/inverse.js";
import { solveOperation } from "./operations/products.js";
import type { Problem } from "./workload/problem.js";
import { messageOf } from "./words.js";
import { SEED_CHUNK, SEED_SIZES, seedProgram } from "./workload/seed.js";

/** One of the article's two programs on one backend. */
export interface SeedCheck {
  readonly name: string;
  readonly program: "inverse" | "product";
  readonly dtype: Dtype;
  readonly status: "ok" | "wrong" | "failed";
  readonly reason?: string;
  /** ‖YT − I‖ or ‖TY − V‖, the Frobenius norm, in float64. null stands for what is not finite. */
  readonly norm?: number | null;
  /** The error that was judged, in ε, as in a case's row. */
  readonly error?: JudgedError;
}

/** ‖L R − X‖ for lower triangular L, [n, n], with R and X of p columns; row i of X comes from `row`. */
function frobenius(
  l: FloatArray,
  right: FloatArray,
  [n, p]: readonly [number, number],
  row: (i: number, to: Float64Array) => void,
): number {
  const sums = new Float64Array(p);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    row(i, sums);
    for (let j = 0; j < p; j++) sums[j] = -sums[j]!;
    for (let j = 0; j <= i; j++) {
      const factor = l[i * n + j]!;
      for (let c = 0; c < p; c++) sums[c] = sums[c]! + factor * right[j * p + c]!;
    }
    for (let c = 0; c < p; c++) squares += sums[c]! ** 2;
  }
  return Math.sqrt(squares);
}

/** ‖YT − I‖ */
function inverseNorm(t: Float64Array, y: FloatArray, n: number): number {
  return frobenius(y, t, [n, n], (i, to) => to.fill(0).fill(1, i, i + 1));
}

/** ‖TY − V‖ */
function productNorm(t: Float64Array, y: FloatArray, { n, p, b }: Problem): number {
  return frobenius(t, y, [n, p], (i, to) => to.set(b.subarray(i * p, (i + 1) * p)));
}

async function answer(contender: Contender, operation: Operation, problem: Problem): Promise<FloatArray> {
  const run = contender.open(operation, problem, SEED_CHUNK);
  try {
    await run.call();
    return (await run.read())[0]!;
  } finally {
    run.close();
  }
}

/** The verdicts so far, by the bits of the answer: judging one takes seconds, and the number of threads changes no bit. */
type Judged = Map<string, { readonly verdict: Verdict; readonly size: number }>;

async function check(
  contender: Contender,
  program: SeedCheck["program"],
  problem: Problem,
  t: Float64Array,
  known: Judged,
): Promise<SeedCheck> {
  const { name } = contender;
  const operation = program === "inverse" ? inverseOperation : solveOperation;
  const base = { name, program, dtype: problem.dtype };
  try {
    const y = await answer(contender, operation, problem);
    const bits = `${program} ${problem.dtype} ${checksum([y])}`;
    const { verdict, size } = known.get(bits) ?? {
      verdict: operation.judge(problem, [y]),
      size: program === "inverse" ? inverseNorm(t, y, problem.n) : productNorm(t, y, problem),
    };
    known.set(bits, { verdict, size });
    const norm = Number.isFinite(size) ? size : null;
    return { ...base, status: isRight(verdict) ? "ok" : "wrong", norm, error: errorOf(verdict) };
  } catch (error) {
    return { ...base, status: "failed", reason: messageOf(error) };
  }
}

/** The article's programs (n = 1000, d = 100, c = 200) on every backend and dtype it has. */
export async function checkSeedPrograms(
  contenders: readonly Contender[],
  dtypes: readonly Dtype[],
  seed: number,
  onProgress?: OnProgress,
): Promise<SeedCheck[]> {
  const checks: SeedCheck[] = [];
  const known: Judged = new Map();
  const jobs = dtypes.flatMap((dtype) => contenders.map((contender) => ({ dtype, contender })));
  const problems = new Map(dtypes.map((dtype) => [dtype, seedProgram({ ...SEED_SIZES, dtype, seed })]));
  const matrices = new Map(
    [...problems].map(([dtype, problem]) => [dtype, dense.materialize(operatorOf(problem, 0))]),
  );
  for (const [index, { dtype, contender }] of jobs.entries()) {
    const problem = problems.get(dtype)!;
    if (contender.refuses(inverseOperation, problem) !== undefined) continue;
    await onProgress?.(`${contender.name}, ${dtype}`, index / jobs.length);
    for (const program of ["inverse", "product"] as const) {
      checks.push(await check(contender, program, problem, matrices.get(dtype)!, known));
    }
  }
  return checks;
}
