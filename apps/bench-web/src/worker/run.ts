import {
  operations,
  runCase,
  workloads,
  type CaseReport,
  type Contender,
  type OnProgress,
  type OperationName,
  type Peaks,
} from "@dlrt/bench/harness";
import type { BenchEvent, RunRequest } from "../protocol.js";
import { isLayer } from "../page/request.js";
import { openContenders, openLayers } from "./contenders.js";
import { layerCase } from "./layer.js";
import { peaks as measurePeaks, withTrustedShares } from "./peaks.js";

const SEED = 1;

/** What ratios refer to: the plain loop where it runs, else the first that was picked. */
function baselineOf(contenders: readonly Contender[], operation: OperationName): string {
  const plain = operation === "solve" ? contenders.find(({ kind }) => kind === "peer") : undefined;
  return (plain ?? contenders[0])?.name ?? "";
}

async function operationCase(
  contenders: readonly Contender[],
  request: RunRequest & { readonly operation: OperationName },
  n: number,
  peaks: Peaks,
  onProgress: OnProgress,
): Promise<CaseReport> {
  const { operation, workload, dtype, decay, d, heads, chunk, repetitions, seconds } = request;
  await onProgress(`n = ${n}: workload`, 0);
  const problem = workloads[workload]({ batch: heads, n, r: d, p: d, dtype, decay, seed: SEED });
  return runCase(contenders, operations[operation], problem, {
    ...{ repetitions, seconds, chunk, workload, peaks, baseline: baselineOf(contenders, operation) },
    onProgress: (what, done) => onProgress(`n = ${n}: ${what}`, done),
  });
}

type Case = (n: number, peaks: Peaks, onProgress: OnProgress) => Promise<CaseReport>;

/** Opens everyone who was picked. @returns what they do with one size, and what closes them */
async function opened(request: RunRequest, threads: number): Promise<[Case, () => Promise<unknown>]> {
  const { operation, names } = request;
  const close = (all: readonly { dispose(): Promise<void> }[]): Promise<unknown> =>
    Promise.all(all.map((one) => one.dispose()));
  if (isLayer(operation)) {
    const contenders = await openLayers(threads, names);
    const work: Case = (n, peaks, told) =>
      layerCase(contenders, { ...request, operation }, n, [SEED, peaks], told);
    return [work, () => close(contenders)];
  }
  const contenders = await openContenders(threads, names);
  return [(...of) => operationCase(contenders, { ...request, operation }, ...of), () => close(contenders)];
}

/** Every size on every contender picked; a case is told as soon as it is over. */
export async function run(
  request: RunRequest,
  threads: number,
  tell: (event: BenchEvent) => void,
): Promise<void> {
  const progress = (what: string, done: number): void => tell({ type: "progress", what, done });
  progress("opening the backends", 0);
  const peaks = measurePeaks();
  const [work, close] = await opened(request, threads);
  try {
    for (const [index, n] of request.sizes.entries()) {
      const report = await work(n, peaks, (what, done) =>
        progress(what, (index + done) / request.sizes.length),
      );
      tell({ type: "case", report: { ...report, rows: withTrustedShares(report.rows) }, peaks });
    }
    tell({ type: "done" });
  } finally {
    await close();
  }
}
