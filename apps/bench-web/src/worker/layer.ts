import type { LayerContender } from "@dlrt/bench/dist/layer/contender.js";
import { layerJudge } from "@dlrt/bench/dist/layer/judge.js";
import {
  LAYER_DECAY,
  layerFlops,
  layerProblem,
  type LayerWork,
  type RecurrentName,
  type TaskName,
} from "@dlrt/bench/dist/layer/problem.js";
import { measureAll } from "@dlrt/bench/dist/measure.js";
import { rows, type CaseReport, type Peaks } from "@dlrt/bench/dist/report.js";
import { unitRoundoff } from "@dlrt/core";
import type { RunRequest } from "../protocol.js";

const ABOUT =
  "one sequence, packed [1, T, H·D]; unit queries and keys, β = σ of normal numbers, gates as models are initialised";

/** A layer on every contender picked, judged beside the recurrence in float64; errors are told in ε, as an operator's are. */
export async function layerCase(
  contenders: readonly LayerContender[],
  request: RunRequest & { readonly operation: LayerWork },
  tokens: number,
  [seed, peaks]: readonly [number, Peaks],
  onProgress: (what: string, done: number) => void,
): Promise<CaseReport> {
  const { operation, d, heads, repetitions, seconds } = request;
  const [layer, task] = operation.split(", ") as [RecurrentName, TaskName];
  const sizes = { tokens, heads, K: d, V: d };
  onProgress(`T = ${tokens}: float64 reference`, 0);
  const problem = layerProblem({ task, layer, ...sizes, about: ABOUT }, seed);
  const judge = await layerJudge(problem);
  const subjects = contenders.map((contender) => ({
    ...contender,
    refuses: () => contender.refuses(problem),
    open: () => {
      const { times: _, ...run } = contender.open(problem); // a browser's clock is too coarse for single calls
      return run;
    },
  }));
  const outcomes = await measureAll(
    subjects,
    (outputs, { kind }) => {
      const { value, limit } = judge(outputs, kind);
      return { value: value / unitRoundoff.f32, limit: limit / unitRoundoff.f32 };
    },
    { repetitions, seconds, onProgress: (what, done) => onProgress(`T = ${tokens}: ${what}`, done) },
  );
  const flops = layerFlops({ layer, ...sizes });
  const baseline = (contenders.find(({ kind }) => kind === "peer") ?? contenders[0])?.name ?? "";
  return {
    ...{ workload: "random", about: ABOUT, operation, dtype: "f32", chunk: null, flops, baseline },
    sizes: { batch: heads, n: tokens, r: d, p: d },
    decay: LAYER_DECAY[layer],
    rows: rows(outcomes, { flops, dtype: "f32", peaks }, baseline),
  };
}
