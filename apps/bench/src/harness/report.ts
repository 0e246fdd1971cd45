import type { DecayKind, Dtype, Sizes } from "@dlrt/core";
import { errorOf, type JudgedError } from "./accuracy/residual.js";
import type { Contender, Missing, Named } from "./contenders/contender.js";
import type { Phases } from "./device/phases.js";
import type { Environment } from "./environment.js";
import type { LayerWork } from "./layer/names.js";
import { measure, type MeasureOptions, type OnProgress, type Outcome } from "./measure.js";
import type { Operation, OperationName } from "./operations/operation.js";
import { ratio, type Ratio, type Timing } from "./stats.js";
import { decayOf, type Problem } from "./workload/problem.js";

/** What every report says of the run that it is of. */
export interface ReportOfRun extends Environment {
  readonly started: string;
  /** Wall time of the whole run. */
  readonly seconds: number;
  readonly arguments: readonly string[];
}

/** Where and how a run was asked for, and who is told how far it is. */
export interface Setting {
  readonly environment: Environment;
  readonly arguments: readonly string[];
  readonly onProgress?: OnProgress | undefined;
}

/** Those who are measured, and those who could not be opened. */
export interface Found<C = Contender> {
  readonly contenders: readonly C[];
  readonly missing: readonly Missing[];
}

/** What every row says of a contender, whatever was measured. */
export interface BaseRow {
  readonly name: string;
  readonly kind: Named["kind"];
  readonly build: string;
  readonly note?: string;
  readonly status: Outcome["status"];
  /** Why it failed or was skipped. */
  readonly reason?: string;
  /** What was judged, and the most that is right: of an operation on T in ε, of a layer over the largest element. */
  readonly error?: JudgedError;
}

export function baseRow({ name, kind, build, note }: Named, outcome: Outcome): BaseRow {
  const base = { name, kind, build, ...(note !== undefined && { note }), status: outcome.status };
  return "reason" in outcome
    ? { ...base, reason: outcome.reason }
    : { ...base, error: errorOf(outcome.verdict) };
}

/** Whether anything gave a wrong answer or failed. */
export const isBad = ({ status }: { readonly status: string }): boolean =>
  status === "wrong" || status === "failed";

export interface Row extends BaseRow {
  readonly ms?: Timing;
  /** Useful flops over the median time, 10⁹/s. */
  readonly gflops?: number;
  /** gflops over the JS register peak of the same run. */
  readonly ofJsPeak?: number;
  /** gflops over the peak of its own engine and threads in the same run. */
  readonly ofCeiling?: number;
  /** The same with all the flops that the requested chunk needs; for backends only. */
  readonly ofCeilingWithChunk?: number;
  /** How many times as fast as the baseline it is, with a 95 % interval. */
  readonly speedup?: Ratio;
  readonly warmUpCalls?: number;
  /** Present where the work is done on a device of its own. */
  readonly phases?: Phases;
}

/** What one thread reached in registers in this run, 10⁹ flops/s. */
export interface Peaks {
  readonly js: number;
  /** null where WebAssembly has no SIMD, or was not measured. */
  readonly wasm: Readonly<Record<Dtype, number | null>>;
}

export interface CaseReport {
  readonly workload: string;
  readonly about: string;
  readonly operation: OperationName | LayerWork;
  readonly dtype: Dtype;
  readonly sizes: Sizes;
  /** How the operator decays. It is absent, and means "none", in reports from before there was decay. */
  readonly decay?: DecayKind;
  readonly chunk: number | null;
  /** Useful flops of one call. */
  readonly flops: number;
  readonly baseline: string;
  readonly rows: readonly Row[];
}

interface Scale {
  readonly flops: number;
  /** The flops with those that the chunk adds, where one was asked for. */
  readonly chunkFlops?: number | undefined;
  readonly dtype: Dtype;
  readonly peaks: Peaks;
}

function ceilingOf({ ceiling }: Named, peaks: Peaks, dtype: Dtype): number | null {
  if (ceiling === undefined) return null;
  const one = ceiling.engine === "js" ? peaks.js : peaks.wasm[dtype];
  return one && one * ceiling.threads;
}

function row(contender: Named, outcome: Outcome, { flops, chunkFlops, dtype, peaks }: Scale): Row {
  const base = baseRow(contender, outcome);
  if (outcome.status !== "ok") return base;
  const { timing, warmUpCalls, phases } = outcome;
  const gflops = flops / timing.median / 1e6;
  const ceiling = ceilingOf(contender, peaks, dtype);
  const withChunk =
    contender.kind === "backend" && ceiling && chunkFlops && (gflops / ceiling) * (chunkFlops / flops);
  return {
    ...base,
    ...{ ms: timing, gflops, ofJsPeak: gflops / peaks.js },
    ...(ceiling && { ofCeiling: gflops / ceiling }),
    ...(withChunk && { ofCeilingWithChunk: withChunk }),
    warmUpCalls,
    ...(phases && { phases }),
  };
}

/** Rows in the order measured, with the ratio to the contender of that name where it was right. */
export function rows(outcomes: ReadonlyMap<Named, Outcome>, scale: Scale, baseline: string): Row[] {
  const all = [...outcomes].map(([contender, outcome]) => row(contender, outcome, scale));
  const base = all.find(({ name }) => name === baseline)?.ms;
  if (base === undefined) return all;
  return all.map((r) => (r.ms ? { ...r, speedup: ratio(base.samples, r.ms.samples) } : r));
}

interface CaseOptions extends MeasureOptions {
  readonly workload: string;
  readonly baseline: string;
  readonly peaks: Peaks;
}

/** One operation on one problem, on every contender. */
export async function runCase(
  contenders: readonly Contender[],
  operation: Operation,
  problem: Problem,
  { workload, baseline, peaks, ...options }: CaseOptions,
): Promise<CaseReport> {
  const outcomes = await measure(contenders, operation, problem, options);
  const { chunk } = options;
  const { batch, n, r, p, dtype, about } = problem;
  const flops = operation.flops(problem);
  const chunkFlops = chunk === undefined ? undefined : operation.chunkFlops?.(problem, chunk);
  return {
    ...{ workload, about, operation: operation.name, dtype, sizes: { batch, n, r, p } },
    ...{ decay: decayOf(problem), chunk: chunk ?? null, flops, baseline },
    rows: rows(outcomes, { flops, chunkFlops, dtype, peaks }, baseline),
  };
}
