import {
  errorOf,
  measure,
  operations,
  workloads,
  type Contender,
  type Environment,
  type Found,
  type MeasureOptions,
  type Outcome,
  type Setting,
  type WorkloadName,
} from "../harness/index.js";
import { FIT_SIZES, fitExponent, type Fit } from "./fit.js";

export const SCALING_SCHEMA = "dlrt-scaling/1";

export type Sweep = "solve" | "inverse" | "chunk";

export interface Point {
  /** "solve" and "inverse" vary n; "chunk" varies the chunk of a solve. */
  readonly sweep: Sweep;
  readonly name: string;
  /** Something the reader must know: a fallback, a software device. */
  readonly note?: string;
  readonly n: number;
  readonly chunk: number | null;
  readonly status: Outcome["status"];
  readonly ms?: number;
  readonly mad?: number;
  readonly gflops?: number;
  /** In ε. */
  readonly error?: number | null;
}

export interface NamedFit extends Fit {
  readonly sweep: Sweep;
  readonly name: string;
  /** The sizes that the fit rests on. */
  readonly sizes: readonly number[];
}

export interface ScalingReport extends Environment {
  readonly schema: typeof SCALING_SCHEMA;
  readonly started: string;
  readonly workload: string;
  readonly d: number;
  readonly points: readonly Point[];
  readonly fits: readonly NamedFit[];
  readonly missing: Found["missing"];
}

export interface ScalingInput
  extends Found, Omit<Setting, "arguments">, Pick<MeasureOptions, "repetitions" | "seconds"> {
  readonly workload: WorkloadName;
  readonly solveSizes: readonly number[];
  readonly inverseSizes: readonly number[];
  readonly chunkSize: number;
  readonly chunks: readonly number[];
  readonly d: number;
  readonly heads: number;
  readonly seed: number;
}

interface Job {
  readonly sweep: Sweep;
  readonly n: number;
  /** The chunks are measured in turn, as contenders are; null is the backend's own choice. */
  readonly chunks: readonly (number | null)[];
}

function jobs({ solveSizes, inverseSizes, chunkSize, chunks }: ScalingInput): Job[] {
  return [
    ...solveSizes.map((n) => ({ sweep: "solve" as const, n, chunks: [null] })),
    ...inverseSizes.map((n) => ({ sweep: "inverse" as const, n, chunks: [null] })),
    { sweep: "chunk" as const, n: chunkSize, chunks },
  ];
}

interface Chunked extends Contender {
  readonly chunk: number | null;
}

function contendersOf({ contenders }: ScalingInput, { sweep, chunks }: Job): readonly Chunked[] {
  const some = sweep === "chunk" ? contenders.filter(({ kind }) => kind === "backend") : contenders;
  const variants = chunks.flatMap((chunk) => some.map((contender) => ({ contender, chunk })));
  return variants.map(({ contender, chunk }) => ({
    ...contender,
    chunk,
    open: (operation, problem) => contender.open(operation, problem, chunk ?? undefined),
  }));
}

function point({ sweep, n }: Job, { name, note, chunk }: Chunked, outcome: Outcome, flops: number): Point {
  const base = { sweep, n, chunk, name, ...(note !== undefined && { note }), status: outcome.status };
  if ("reason" in outcome) return base;
  const error = errorOf(outcome.verdict).value;
  if (outcome.status === "wrong") return { ...base, error };
  const { median: ms, mad } = outcome.timing;
  return { ...base, ms, mad, gflops: flops / ms / 1e6, error };
}

async function runJob(input: ScalingInput, job: Job, at: number, of: number): Promise<Point[]> {
  const { workload, heads: batch, d: r, seed, repetitions, seconds, onProgress } = input;
  const operation = operations[job.sweep === "inverse" ? "inverse" : "solve"];
  const problem = workloads[workload]({ batch, n: job.n, r, p: r, dtype: "f32", seed });
  const title = `${job.sweep}, n = ${job.n}`;
  const contenders = contendersOf(input, job);
  const outcomes = await measure(contenders, operation, problem, {
    repetitions,
    seconds: seconds * job.chunks.length,
    onProgress: (what, done) => onProgress?.(`${title}: ${what}`, (at + done) / of),
  });
  const flops = operation.flops(problem);
  return contenders.map((contender) => point(job, contender, outcomes.get(contender)!, flops));
}

function fits(points: readonly Point[]): NamedFit[] {
  const keys = new Set(points.filter(({ sweep }) => sweep !== "chunk").map((p) => `${p.sweep}\n${p.name}`));
  return [...keys].flatMap((key) => {
    const [sweep, name] = key.split("\n") as [Sweep, string];
    const mine = points.flatMap((p) =>
      p.sweep === sweep && p.name === name && p.ms !== undefined ? [[p.n, p.ms] as const] : [],
    );
    if (new Set(mine.map(([n]) => n)).size < FIT_SIZES) return [];
    return [{ sweep, name, sizes: mine.map(([n]) => n), ...fitExponent(mine) }];
  });
}

/** Sweeps n for solve and inverse and the chunk for solve, all answers judged, and fits the exponents. */
export async function runScaling(input: ScalingInput): Promise<ScalingReport> {
  const started = new Date().toISOString();
  const all = jobs(input);
  const points: Point[] = [];
  for (const [at, job] of all.entries()) points.push(...(await runJob(input, job, at, all.length)));
  const { workload, d, environment, missing } = input;
  return {
    schema: SCALING_SCHEMA,
    started,
    workload,
    d,
    ...environment,
    points,
    fits: fits(points),
    missing,
  };
}
