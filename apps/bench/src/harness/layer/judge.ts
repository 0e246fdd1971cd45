import { createJsBackend } from "@dlrt/backend-js";
import {
  deltaRule,
  gatedDeltaRule,
  kimiDeltaAttention,
  type ReferenceProblem,
  type ReferenceResult,
} from "@dlrt/linear-attention/reference";
import type { Verdict } from "../accuracy/residual.js";
import type { Outputs } from "../operations/operation.js";
import { callOf } from "./calls.js";
import type { RecurrentName } from "./names.js";
import type { LayerProblem } from "./problem.js";

/**
 * Largest difference over the largest magnitude of what it should be, for each result by itself. Others have promised nothing,
 * and sum in one chain of float32; they are timed where they are right to five digits.
 */
const LIMITS = { backend: 1e-6, peer: 1e-5 };

const references = { delta: deltaRule, gated: gatedDeltaRule, kda: kimiDeltaAttention };

/** What a prompt or a token should give: output and final state by the plain recurrence in float64. */
function recurrence(problem: LayerProblem): readonly Float64Array[] {
  const { tokens, heads, K, V, past, ...arrays } = problem;
  const wide = (x: Float32Array | undefined): Float64Array | undefined => x && Float64Array.from(x);
  const of: ReferenceProblem = {
    batch: 1,
    tokens,
    keyWidth: K,
    valueWidth: V,
    heads: { query: heads, key: heads, value: heads },
    initialState: wide(past),
  };
  const inputs = Object.fromEntries(
    (["query", "key", "value", "beta", "decay"] as const).map((name) => [name, wide(arrays[name])]),
  );
  const reference = references[problem.layer as RecurrentName] as unknown as (
    of: ReferenceProblem,
    inputs: object,
  ) => ReferenceResult;
  const { output, finalState } = reference(of, inputs);
  return [output, finalState];
}

/** What a step of training should give: output and gradients in float64 on backend-js, which its tests hold to central differences. */
async function gradients(problem: LayerProblem): Promise<readonly Float64Array[]> {
  const backend = createJsBackend();
  const call = callOf(backend, problem, (data, shape) => backend.wrap(Float64Array.from(data), shape));
  const results = call.run();
  const [, ...rest] = (await Promise.all(results.map((t) => backend.read(t)))) as Float64Array[];
  for (const t of results) t.dispose();
  call.dispose();
  await backend.dispose();
  const [output] = recurrence(problem);
  return [output!, ...rest];
}

/** At least so many rows of softmax attention are judged: to judge all of them would take longer than all the calls. */
const JUDGED_ROWS = 256;

/** Σ_j softmax_j(q_i·k_j / √K) v_j, j ≤ i, of every `step`th token; the others stay NaN. */
function softmaxAttention({ tokens, heads, K, V, query, key, value }: LayerProblem): Float64Array {
  const out = new Float64Array(tokens * heads * V).fill(Number.NaN);
  const step = Math.max(1, Math.floor(tokens / JUDGED_ROWS));
  const weights = new Float64Array(tokens);
  for (let h = 0; h < heads; h++) {
    for (let t = tokens - 1; t >= 0; t -= step) {
      const at = t * heads + h;
      for (let j = 0; j <= t; j++) {
        let dot = 0;
        for (let a = 0; a < K; a++) dot += query[at * K + a]! * key[(j * heads + h) * K + a]!;
        weights[j] = dot / Math.sqrt(K);
      }
      const most = weights.subarray(0, t + 1).reduce((x, y) => Math.max(x, y));
      let sum = 0;
      for (let j = 0; j <= t; j++) sum += weights[j] = Math.exp(weights[j]! - most);
      const row = out.subarray(at * V, (at + 1) * V).fill(0);
      for (let j = 0; j <= t; j++) {
        const weight = weights[j]! / sum;
        for (let b = 0; b < V; b++) row[b] = row[b]! + weight * value[(j * heads + h) * V + b]!;
      }
    }
  }
  return out;
}

/** The largest difference over the largest magnitude, of the result that is furthest off. */
function worst(outputs: Outputs, expected: readonly Float64Array[]): number {
  if (outputs.length !== expected.length) return Infinity;
  const errors = expected.map((right, at) => {
    const got = outputs[at]!;
    if (got.length !== right.length) return Infinity;
    let [difference, size] = [0, 0];
    for (let i = 0; i < right.length; i++) {
      if (Number.isNaN(right[i]!)) continue; // not judged
      const d = Math.abs(got[i]! - right[i]!);
      if (!(d <= difference)) difference = Number.isNaN(d) ? Infinity : d;
      size = Math.max(size, Math.abs(right[i]!));
    }
    return difference / (size || 1);
  });
  return Math.max(...errors);
}

export type LayerJudge = (outputs: Outputs, kind: keyof typeof LIMITS) => Verdict;

/** A judge of all answers to one problem. */
export async function layerJudge(problem: LayerProblem): Promise<LayerJudge> {
  const expected =
    problem.layer === "softmax"
      ? [softmaxAttention(problem)]
      : problem.task === "training"
        ? await gradients(problem)
        : recurrence(problem);
  if (problem.layer !== "softmax" && expected.some((x) => x.some(Number.isNaN)))
    throw new Error("the reference gave NaN, which judges nothing");
  return (outputs, kind) => ({ value: worst(outputs, expected), limit: LIMITS[kind] });
}
