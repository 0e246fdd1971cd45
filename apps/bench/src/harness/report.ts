import type { DecayKind, Dtype, Sizes } from "@dlrt/core";
import type { Contender, Missing } from "./contenders/contender.js";
import type { Environment } from "./environment.js";
import type { Phases } from "./device/phases.js";
import type { LayerWork } from "./layer/problem.js";
import type { LayerCase } from "./layer/run.js";
import type { Outcome } from "./measure.js";
import type { OperationName } from "./operations/operation.js";
import type { SeedCheck } from "./seed-check.js";
import { ratio, type Ratio, type Timing } from "./stats.js";

/** The schema changes when the meaning of a field does. */
export const SCHEMA = "dlrt-bench/1";

export interface Row {
  readonly name: string;
  readonly kind: Contender["kind"];
  readonly build: string;
  readonly note?: string;
  readonly status: Outcome["status"];
  /** Why it failed or was skipped. */
  readonly reason?: string;
  /** ω or the inverse's componentwise error, in ε, and the most that is right. null: not finite. */
  readonly error?: { readonly value: number | null; readonly limit: number };
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
  /** null where WebAssembly has no SIMD. */
  readonly wasm: Readonly<Record<Dtype, number | null>>;
}

function ceilingOf({ ceiling }: Pick<Contender, "ceiling">, peaks: Peaks, dtype: Dtype): number | null {
  if (ceiling === undefined) return null;
  const one = ceiling.engine === "js" ? peaks.js : peaks.wasm[dtype];
  return one && one * ceiling.threads;
}

export interface CaseReport {
  readonly workload: string;
  readonly about: string;
  readonly operation: OperationName | LayerWork;
  readonly dtype: Dtype;
  readonly sizes: Sizes;
  /** How the operator decays. Absent, as in reports of before: "none". */
  readonly decay?: DecayKind;
  readonly chunk: number | null;
  /** Useful flops of one call. */
  readonly flops: number;
  readonly baseline: string;
  readonly rows: readonly Row[];
}

export interface Report extends Environment {
  readonly schema: typeof SCHEMA;
  readonly started: string;
  /** Wall time of the whole run. */
  readonly seconds: number;
  readonly arguments: readonly string[];
  readonly peaks: Peaks;
  readonly seed: readonly SeedCheck[];
  /** The layer that the main comparison begins with, where no other work was asked for. */
  readonly layers?: readonly LayerCase[];
  readonly cases: readonly CaseReport[];
  readonly missing: readonly Missing[];
}

interface Scale {
  readonly flops: number;
  /** With those that the chunk adds, where one was asked for. */
  readonly chunkFlops?: number | undefined;
  readonly dtype: Dtype;
  readonly peaks: Peaks;
}

/** What a row says about who was measured. */
type Named = Pick<Contender, "name" | "kind" | "build" | "note" | "ceiling">;

function row(contender: Named, outcome: Outcome, { flops, chunkFlops, dtype, peaks }: Scale): Row {
  const { name, kind, build, note } = contender;
  const base = { name, kind, build, ...(note !== undefined && { note }), status: outcome.status };
  if ("reason" in outcome) return { ...base, reason: outcome.reason };
  const { value, limit } = outcome.verdict;
  const error = { value: Number.isFinite(value) ? value : null, limit };
  if (outcome.status === "wrong") return { ...base, error };
  const { timing, warmUpCalls, phases } = outcome;
  const gflops = flops / timing.median / 1e6;
  const ceiling = ceilingOf(contender, peaks, dtype);
  const shares = { ofJsPeak: gflops / peaks.js, ...(ceiling && { ofCeiling: gflops / ceiling }) };
  const withChunk = kind === "backend" && ceiling && chunkFlops && (gflops / ceiling) * (chunkFlops / flops);
  return {
    ...base,
    error,
    ms: timing,
    gflops,
    ...shares,
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

/** Whether anything that ran gave a wrong answer or failed. */
export function hasFailures({
  cases,
  seed,
  layers = [],
}: Pick<Report, "cases" | "seed" | "layers">): boolean {
  const statuses = [...seed, ...[...layers, ...cases].flatMap<{ status: string }>((c) => c.rows)].map(
    ({ status }) => status,
  );
  return statuses.some((status) => status === "wrong" || status === "failed");
}
