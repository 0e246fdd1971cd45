import type { Sizes } from "@dlrt/core";
import {
  checkSeedPrograms,
  operations,
  runCase,
  SCHEMA,
  workloads,
  type CaseReport,
  type Found,
  type OnProgress,
  type Peaks,
  type Problem,
  type Report,
  type Setting,
} from "../harness/index.js";
import { dataProblem, type Arrays } from "./data/data.js";
import type { Options } from "./options.js";

export interface RunInput extends Setting, Found {
  readonly options: Options;
  /** The user's own arrays, which take the place of a workload. */
  readonly arrays?: Arrays | undefined;
  readonly peaks: Peaks;
}

interface Plan {
  readonly workload: string;
  /** The title that the progress line shows. */
  readonly title: string;
  /** batch·n·r·p, to which the time of a solve is proportional. */
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

/** The seed programs, then every workload, dtype, size and operation asked for. */
export async function runBench(input: RunInput): Promise<Report> {
  const { options, contenders, missing, environment, peaks, onProgress } = input;
  const { repetitions, seconds = SECONDS, chunk, baseline, seed, seedProgram } = options;
  const [started, start] = [new Date().toISOString(), performance.now()];
  const planned = plans(input);
  const from = seedProgram ? SEED_PROGRAM_SHARE : 0;
  const share = shares(
    planned.map(({ work }) => seconds + work / 1e8),
    from,
  );
  const ours = seedProgram ? contenders.filter(({ kind }) => kind === "backend") : [];
  const onSeed: OnProgress = (what, done) => onProgress?.(`the article's programs: ${what}`, done * from);
  const seedChecks = await checkSeedPrograms(ours, ["f32", "f64"], seed, onSeed);
  const cases: CaseReport[] = [];
  for (const [index, { workload, title, make }] of planned.entries()) {
    await onProgress?.(`${title}: workload`, share(index, 0));
    const problem = make();
    for (const [at, name] of options.operation.entries()) {
      const told: OnProgress = (what, done) =>
        onProgress?.(`${title}, ${name}: ${what}`, share(index, (at + done) / options.operation.length));
      const how = { repetitions, seconds, chunk, workload, baseline, peaks, onProgress: told };
      cases.push(await runCase(contenders, operations[name], problem, how));
    }
  }
  return {
    ...{ schema: SCHEMA, started, seconds: (performance.now() - start) / 1000, arguments: input.arguments },
    ...environment,
    ...{ peaks, seed: seedChecks, cases, missing },
  };
}
