import {
  LAYER_DECAY,
  layerFlops,
  layerProblem,
  measureLayer,
  rows,
  type CaseReport,
  type LayerContender,
  type LayerWork,
  type OnProgress,
  type Peaks,
  type RecurrentName,
  type Row,
  type TaskName,
} from "@dlrt/bench/harness";
import { unitRoundoff } from "@dlrt/core";
import type { RunRequest } from "../protocol.js";

const ABOUT =
  "one sequence, packed [1, T, H·D]; unit queries and keys, β = σ of normal numbers, gates as models are initialised";

/** The row with its error in ε, as an operator's is. */
function inEpsilons(row: Row): Row {
  if (row.error === undefined) return row;
  const { value, limit } = row.error;
  const error = { value: value && value / unitRoundoff.f32, limit: limit / unitRoundoff.f32 };
  return { ...row, error };
}

/** A layer on every contender picked, judged beside the recurrence in float64. */
export async function layerCase(
  contenders: readonly LayerContender[],
  request: RunRequest & { readonly operation: LayerWork },
  tokens: number,
  [seed, peaks]: readonly [number, Peaks],
  onProgress: OnProgress,
): Promise<CaseReport> {
  const { operation, d, heads, repetitions, seconds } = request;
  const [layer, task] = operation.split(", ") as [RecurrentName, TaskName];
  const sizes = { tokens, heads, K: d, V: d };
  const problem = layerProblem({ task, layer, ...sizes, about: ABOUT }, seed);
  const outcomes = await measureLayer(contenders, problem, {
    ...{ repetitions, seconds, ownClock: false }, // a browser's clock is too coarse for single calls
    onProgress: (what, done) => onProgress(`T = ${tokens}: ${what}`, done),
  });
  const flops = layerFlops({ layer, ...sizes });
  const baseline = (contenders.find(({ kind }) => kind === "peer") ?? contenders[0])?.name ?? "";
  return {
    ...{ workload: "random", about: ABOUT, operation, dtype: "f32", chunk: null, flops, baseline },
    sizes: { batch: heads, n: tokens, r: d, p: d },
    decay: LAYER_DECAY[layer],
    rows: rows(outcomes, { flops, dtype: "f32", peaks }, baseline).map(inEpsilons),
  };
}
