import type { LayerContender } from "./contender.js";
import { measureAll, type MeasureOptions, type OnProgress, type Outcome } from "../measure.js";
import { baseRow, type BaseRow, type Found, type ReportOfRun, type Setting } from "../report.js";
import { layerJudge } from "./judge.js";
import { layerFlops, layerProblem, type LayerProblem, type LayerRequest } from "./problem.js";

/** The version of the format, which changes when the meaning of a field does. */
export const LAYER_SCHEMA = "dlrt-layer/1";

export interface LayerRow extends BaseRow {
  readonly ms?: { readonly min: number; readonly median: number; readonly calls: number };
  /** 6KV flops a token and head over the least time, 10⁹/s; not of training. */
  readonly gflops?: number;
  /** How many times as fast as the baseline, by least times. */
  readonly speedup?: number;
}

export interface LayerCase extends LayerRequest {
  readonly flops: number;
  /** The contender that speedups refer to: onnxruntime-web where its answer was right, else the naive one. */
  readonly baseline: string | null;
  readonly rows: readonly LayerRow[];
}

export interface LayerReport extends ReportOfRun, Pick<Found, "missing"> {
  readonly schema: typeof LAYER_SCHEMA;
  readonly cases: readonly LayerCase[];
}

export interface LayerInput
  extends Setting, Found<LayerContender>, Pick<MeasureOptions, "repetitions" | "seconds"> {
  readonly cases: readonly LayerRequest[];
  readonly seed: number;
}

/** One layer on every contender, each answer judged beside float64. */
export async function measureLayer(
  contenders: readonly LayerContender[],
  problem: LayerProblem,
  {
    ownClock = true,
    ...options
  }: Omit<MeasureOptions, "chunk"> & {
    /** Whether calls are timed one by one, where the run can do that. Default true. */
    readonly ownClock?: boolean;
  },
): Promise<Map<LayerContender, Outcome>> {
  await options.onProgress?.("float64 reference", 0);
  const judge = await layerJudge(problem);
  return measureAll(
    contenders,
    ({ name, ...contender }) => ({
      name,
      refuses: () => contender.refuses(problem),
      open: () => {
        const { times, ...run } = contender.open(problem);
        return times && ownClock ? { ...run, times } : run;
      },
    }),
    (outputs, { kind }) => judge(outputs, kind),
    options,
  );
}

const BASELINES = ["onnxruntime-web", "naive-js"];

function row(contender: LayerContender, outcome: Outcome, request: LayerRequest): LayerRow {
  const base = baseRow(contender, outcome);
  if (outcome.status !== "ok") return base;
  const { median, samples } = outcome.timing;
  const min = samples.reduce((a, b) => Math.min(a, b));
  const gflops = request.task === "training" ? {} : { gflops: layerFlops(request) / min / 1e6 };
  return { ...base, ms: { min, median, calls: samples.length }, ...gflops };
}

async function runCase(
  { contenders, seed, repetitions, seconds }: LayerInput,
  request: LayerRequest,
  onProgress: OnProgress,
): Promise<LayerCase> {
  const problem = layerProblem(request, seed);
  const outcomes = await measureLayer(contenders, problem, { repetitions, seconds, onProgress });
  const rows = [...outcomes].map(([contender, outcome]) => row(contender, outcome, request));
  const base = BASELINES.flatMap((name) => rows.find((one) => one.name === name && one.ms) ?? [])[0];
  const rated = rows.map((one) => (one.ms && base ? { ...one, speedup: base.ms!.min / one.ms.min } : one));
  return { ...request, flops: layerFlops(request), baseline: base?.name ?? null, rows: rated };
}

/** Every case on every contender, in turn. */
export async function runLayers(input: LayerInput): Promise<LayerReport> {
  const { cases: requests, missing, environment, arguments: args, onProgress } = input;
  const [started, start] = [new Date().toISOString(), performance.now()];
  const cases: LayerCase[] = [];
  for (const [at, request] of requests.entries()) {
    const title = `${request.task}, ${request.layer}`;
    const told: OnProgress = (what, done) => onProgress?.(`${title}: ${what}`, (at + done) / requests.length);
    cases.push(await runCase(input, request, told));
  }
  const seconds = (performance.now() - start) / 1000;
  return { schema: LAYER_SCHEMA, started, seconds, arguments: args, ...environment, cases, missing };
}
