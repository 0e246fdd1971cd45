import type { Dtype, FloatArray } from "@dlrt/core";
import { isRight, type Verdict } from "./accuracy/residual.js";
import type { Contender } from "./contenders/contender.js";
import { checksum } from "./measure.js";
import type { Operation } from "./operations/operation.js";
import { inverseOperation } from "./operations/inverse.js";
import { solveOperation } from "./operations/solve.js";
import type { Problem } from "./workload/problem.js";
import { SEED_CHUNK, SEED_SIZES, seedProgram } from "./workload/seed.js";

/** One of the article's two programs on one backend. */
export interface SeedCheck {
  readonly name: string;
  readonly program: "inverse" | "product";
  readonly dtype: Dtype;
  readonly status: "ok" | "wrong" | "failed";
  readonly reason?: string;
  /** ‖YT − I‖ or ‖TY − V‖, Frobenius, in float64. null: not finite. */
  readonly norm?: number | null;
  /** In ε, as in a case's row. */
  readonly error?: { readonly value: number | null; readonly limit: number };
}

const finite = (x: number): number | null => (Number.isFinite(x) ? x : null);

/** T of the first batch entry, [n, n], by the definition. */
function dense({ n, r, diag, q, k }: Problem): Float64Array {
  const t = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    t[i * n + i] = diag[i]!;
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let a = 0; a < r; a++) sum += q[i * r + a]! * k[j * r + a]!;
      t[i * n + j] = sum;
    }
  }
  return t;
}

/** ‖L R − X‖ for lower triangular L, [n, n], with R and X of p columns; row i of X comes from `row`. */
function norm(
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
  return norm(y, t, [n, n], (i, to) => to.fill(0).fill(1, i, i + 1));
}

/** ‖TY − V‖ */
function productNorm(t: Float64Array, y: FloatArray, { n, p, b }: Problem): number {
  return norm(t, y, [n, p], (i, to) => to.set(b.subarray(i * p, (i + 1) * p)));
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

/** What is known of an answer, by its bits. Judging one takes seconds, and the number of threads changes no bit. */
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
    const error = { value: finite(verdict.value), limit: verdict.limit };
    return { ...base, status: isRight(verdict) ? "ok" : "wrong", norm: finite(size), error };
  } catch (error) {
    return { ...base, status: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** The article's programs (n = 1000, d = 100, c = 200) on every backend and dtype it has. */
export async function checkSeedPrograms(
  contenders: readonly Contender[],
  dtypes: readonly Dtype[],
  seed: number,
  onProgress?: (what: string, done: number) => Promise<void> | void,
): Promise<SeedCheck[]> {
  const checks: SeedCheck[] = [];
  const known: Judged = new Map();
  const jobs = dtypes.flatMap((dtype) => contenders.map((contender) => ({ dtype, contender })));
  const problems = new Map(dtypes.map((dtype) => [dtype, seedProgram({ ...SEED_SIZES, dtype, seed })]));
  const matrices = new Map([...problems].map(([dtype, problem]) => [dtype, dense(problem)]));
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
