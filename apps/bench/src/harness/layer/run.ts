import type { Missing } from "../contenders/contender.js";
import type { Environment } from "../environment.js";
import { measureAll, type Outcome } from "../measure.js";
import type { LayerContender } from "./contender.js";
import { layerJudge } from "./judge.js";
import { layerFlops, layerProblem, type LayerRequest } from "./problem.js";

/** Changes when the meaning of a field does. */
export const LAYER_SCHEMA = "dlrt-layer/1";

export interface LayerRow {
  readonly name: string;
  readonly kind: LayerContender["kind"];
  readonly build: string;
  readonly note?: string;
  readonly status: Outcome["status"];
  /** Why it failed or was skipped. */
  readonly reason?: string;
  /** Difference from float64 over the largest element, worst of the results. null: not finite. */
  readonly error?: { readonly value: number | null; readonly limit: number };
  readonly ms?: { readonly min: number; readonly median: number; readonly calls: number };
  /** 6KV flops a token and head over the least time, 10⁹/s; not of training. */
  readonly gflops?: number;
  /** How many times as fast as the baseline, by least times. */
  readonly speedup?: number;
}

export interface LayerCase extends LayerRequest {
  readonly flops: number;
  /** What speedups refer to: the first of those wished for that was right here. */
  readonly baseline: string | null;
  readonly rows: readonly LayerRow[];
}

export interface LayerReport extends Environment {
  readonly schema: typeof LAYER_SCHEMA;
  readonly started: string;
  readonly seconds: number;
  readonly arguments: readonly string[];
  readonly cases: readonly LayerCase[];
  readonly missing: readonly Missing[];
}

export interface LayerInput {
  readonly cases: readonly LayerRequest[];
  readonly contenders: readonly LayerContender[];
  readonly missing: readonly Missing[];
  readonly environment: Environment;
  readonly arguments: readonly string[];
  readonly seed: number;
  readonly repetitions: number;
  /** For the samples of one case. */
  readonly seconds: number;
  readonly onProgress?: ((what: string, done: number) => Promise<void> | void) | undefined;
}

const BASELINES = ["onnxruntime-web", "naive-js"];

function row({ name, kind, build, note }: LayerContender, outcome: Outcome, request: LayerRequest): LayerRow {
  const base = { name, kind, build, ...(note !== undefined && { note }), status: outcome.status };
  if ("reason" in outcome) return { ...base, reason: outcome.reason };
  const { value, limit } = outcome.verdict;
  const error = { value: Number.isFinite(value) ? value : null, limit };
  if (outcome.status === "wrong") return { ...base, error };
  const { median, samples } = outcome.timing;
  const min = samples.reduce((a, b) => Math.min(a, b));
  const gflops = request.task === "training" ? {} : { gflops: layerFlops(request) / min / 1e6 };
  return { ...base, error, ms: { min, median, calls: samples.length }, ...gflops };
}

async function runCase(
  input: LayerInput,
  request: LayerRequest,
  onProgress: (what: string, done: number) => Promise<void> | void,
): Promise<LayerCase> {
  const { contenders, seed, repetitions, seconds } = input;
  await onProgress("float64 reference", 0);
  const problem = layerProblem(request, seed);
  const judge = await layerJudge(problem);
  const subjects = contenders.map((contender) => ({
    contender,
    name: contender.name,
    refuses: () => contender.refuses(problem),
    open: () => contender.open(problem),
  }));
  const outcomes = await measureAll(subjects, (outputs, { contender }) => judge(outputs, contender.kind), {
    ...{ repetitions, seconds, onProgress },
  });
  const rows = [...outcomes].map(([{ contender }, outcome]) => row(contender, outcome, request));
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
    const told = (what: string, done: number): Promise<void> | void =>
      onProgress?.(`${title}: ${what}`, (at + done) / requests.length);
    cases.push(await runCase(input, request, told));
  }
  const seconds = (performance.now() - start) / 1000;
  return { schema: LAYER_SCHEMA, started, seconds, arguments: args, ...environment, cases, missing };
}

/** Whether anything that ran gave a wrong answer or failed. */
export const hasLayerFailures = ({ cases }: LayerReport): boolean =>
  cases.some(({ rows }) => rows.some(({ status }) => status === "wrong" || status === "failed"));
