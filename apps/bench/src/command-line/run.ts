import type { Sizes } from "@dlrt/core";
import type { Options } from "./options.js";
import type { Contender, Missing } from "../harness/contenders/contender.js";
import type { Environment } from "../harness/environment.js";
import { measure, type MeasureOptions } from "../harness/measure.js";
import { operations } from "../harness/operations/index.js";
import { rows, SCHEMA, type CaseReport, type Peaks, type Report } from "../harness/report.js";
import { checkSeedPrograms } from "../harness/seed-check.js";
import { dataProblem, type Arrays } from "./data/data.js";
import { workloads } from "../harness/workload/index.js";
import { decayOf, type Problem } from "../harness/workload/problem.js";
import type { OperationName } from "../harness/operations/operation.js";

export interface RunInput {
  readonly options: Options;
  /** The user's own arrays, which take the place of a workload. */
  readonly arrays?: Arrays | undefined;
  readonly contenders: readonly Contender[];
  readonly missing: readonly Missing[];
  readonly environment: Environment;
  readonly peaks: Peaks;
  readonly arguments: readonly string[];
  readonly onProgress?: (what: string, done: number) => Promise<void> | void;
}

interface Plan {
  readonly workload: string;
  /** The title that the progress line shows. */
  readonly title: string;
  /** batch·n·r·p */
  readonly work: number;
  make(): Problem;
}

const SIZES = [4096];
const COLUMNS = 64;
const HEADS = 8;
const SECONDS = 5;

/** Lists every workload, dtype and size that was asked for, or the user's data where there are any. */
function plans({ options, arrays }: RunInput): Plan[] {
  const { data = "", seed, d: r = COLUMNS, heads: batch = HEADS } = options;
  const p = options.p ?? r;
  const plan = (workload: string, problem: Sizes, make: () => Problem): Plan => {
    const { batch: b, n } = problem;
    return { workload, title: `${workload}, n = ${n}`, work: b * n * problem.r * problem.p, make };
  };
  if (arrays !== undefined) {
    return options.dtype.map((dtype) => {
      const problem = dataProblem(arrays, dtype, data);
      return plan("data", problem, () => problem);
    });
  }
  return options.workload.flatMap((name) =>
    options.dtype.flatMap((dtype) =>
      (options.n ?? SIZES).flatMap((n) =>
        options.decay.map((decay) => {
          const sizes = { batch, n, r, p };
          return plan(name, sizes, () => workloads[name]({ ...sizes, dtype, seed, decay }));
        }),
      ),
    ),
  );
}

const SEED_PROGRAM_SHARE = 0.05;

/**
 * Returns where each piece of the work begins and ends between 0 and 1. A piece is as long as it is expected to take.
 */
function shares(pieces: readonly number[], from: number): (index: number, done: number) => number {
  const total = pieces.reduce((a, b) => a + b, 0);
  return (index, done) => {
    const before = pieces.slice(0, index).reduce((a, b) => a + b, 0);
    return from + ((1 - from) * (before + done * pieces[index]!)) / total;
  };
}

async function runCase(
  input: RunInput,
  operationName: OperationName,
  problem: Problem,
  workload: string,
  onProgress: NonNullable<MeasureOptions["onProgress"]>,
): Promise<CaseReport> {
  const { options, contenders, peaks } = input;
  const { repetitions, seconds = SECONDS, chunk, baseline } = options;
  const operation = operations[operationName];
  const outcomes = await measure(contenders, operation, problem, { repetitions, seconds, chunk, onProgress });
  const { batch, n, r, p, dtype, about } = problem;
  const flops = operation.flops(problem);
  const chunkFlops = chunk === undefined ? undefined : operation.chunkFlops?.(problem, chunk);
  return {
    workload,
    about,
    operation: operationName,
    dtype,
    sizes: { batch, n, r, p },
    decay: decayOf(problem),
    chunk: chunk ?? null,
    flops,
    baseline,
    rows: rows(outcomes, { flops, chunkFlops, dtype, peaks }, baseline),
  };
}

/** The seed programs, then every workload, dtype, size and operation asked for. */
export async function runBench(input: RunInput): Promise<Report> {
  const { options, contenders, missing, environment, peaks, onProgress } = input;
  const [started, start] = [new Date().toISOString(), performance.now()];
  const planned = plans(input);
  const from = options.seedProgram ? SEED_PROGRAM_SHARE : 0;
  const share = shares(
    planned.map(({ work }) => (options.seconds ?? SECONDS) + work / 1e8),
    from,
  );
  const seedChecks = options.seedProgram
    ? await checkSeedPrograms(
        contenders.filter(({ kind }) => kind === "backend"),
        ["f32", "f64"],
        options.seed,
        (what, done) => onProgress?.(`the article's programs: ${what}`, done * from),
      )
    : [];
  const cases: CaseReport[] = [];
  for (const [index, { workload, title, make }] of planned.entries()) {
    await onProgress?.(`${title}: workload`, share(index, 0));
    const problem = make();
    for (const [at, operation] of options.operation.entries()) {
      const report = await runCase(input, operation, problem, workload, (what, done) =>
        onProgress?.(`${title}, ${operation}: ${what}`, share(index, (at + done) / options.operation.length)),
      );
      cases.push(report);
    }
  }
  return {
    schema: SCHEMA,
    started,
    seconds: (performance.now() - start) / 1000,
    arguments: input.arguments,
    ...environment,
    peaks,
    seed: seedChecks,
    cases,
    missing,
  };
}
