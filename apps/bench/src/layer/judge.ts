import { createJsBackend } from "@dlrt/backend-js";
import {
  deltaRule,
  gatedDeltaRule,
  kimiDeltaAttention,
  type ReferenceProblem,
  type ReferenceResult,
} from "@dlrt/linear-attention/reference";
import type { Verdict } from "../accuracy.js";
import type { Outputs } from "../operations/operation.js";
import { callOf } from "./calls.js";
import type { LayerProblem } from "./problem.js";

/** Largest difference over the largest magnitude of what it should be, for each result by itself. */
const LIMIT = 1e-6;

const references = { delta: deltaRule, gated: gatedDeltaRule, kda: kimiDeltaAttention };

/** What a prompt or a token should give: output and final state by the plain recurrence in float64. */
function recurrence(problem: LayerProblem): readonly Float64Array[] {
  const { layer, tokens, heads, K, V, past, ...arrays } = problem;
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
  const reference = references[layer] as (of: ReferenceProblem, inputs: object) => ReferenceResult;
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

/** Difference over size, of the result that is furthest off. */
function worst(outputs: Outputs, expected: readonly Float64Array[]): number {
  if (outputs.length !== expected.length) return Infinity;
  const errors = expected.map((right, at) => {
    const got = outputs[at]!;
    if (got.length !== right.length) return Infinity;
    let [difference, size] = [0, 0];
    for (let i = 0; i < right.length; i++) {
      const d = Math.abs(got[i]! - right[i]!);
      if (!(d <= difference)) difference = Number.isNaN(d) ? Infinity : d;
      size = Math.max(size, Math.abs(right[i]!));
    }
    return difference / (size || 1);
  });
  return Math.max(...errors);
}

/** A judge of all answers to one problem. */
export async function layerJudge(problem: LayerProblem): Promise<(outputs: Outputs) => Verdict> {
  const expected = problem.task === "training" ? await gradients(problem) : recurrence(problem);
  return (outputs) => ({ value: worst(outputs, expected), limit: LIMIT });
}
