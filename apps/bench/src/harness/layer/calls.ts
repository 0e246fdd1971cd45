import type { Backend, Tensor } from "@dlrt/core";
import {
  deltaRule,
  deltaRuleVjp,
  gatedDeltaRule,
  gatedDeltaRuleVjp,
  kimiDeltaAttention,
  kimiDeltaAttentionVjp,
  type LayerOptions,
  type LayerResult,
  type State,
  type VjpOptions,
} from "@dlrt/linear-attention";
import * as host from "@dlrt/linear-attention/host";
import type { RecurrentName } from "./names.js";
import type { LayerProblem } from "./problem.js";

const forwards = { delta: deltaRule, gated: gatedDeltaRule, kda: kimiDeltaAttention };
const backwards = { delta: deltaRuleVjp, gated: gatedDeltaRuleVjp, kda: kimiDeltaAttentionVjp };

const onHost = {
  delta: host.deltaRule,
  gated: host.gatedDeltaRule,
  kda: host.kimiDeltaAttention,
};

type Inputs<T extends Tensor> = Readonly<Record<string, T>>;
type Forward<T extends Tensor> = (
  backend: Backend<T>,
  inputs: Inputs<T>,
  options: LayerOptions<T>,
) => LayerResult<T>;
type Backward<T extends Tensor> = (
  backend: Backend<T>,
  inputs: Inputs<T>,
  cotangents: { output: T },
  options: VjpOptions<T>,
) => Readonly<Record<string, T>>;

/** One layer on tensors that lie in a backend. */
export interface Call<T extends Tensor> {
  /** Returns output and final state, or output and gradients in the order of the inputs; the caller disposes them. */
  run(): readonly T[];
  /** Disposes the inputs. */
  dispose(): void;
}

/** Makes a tensor of a caller's array. */
export type Bring<T extends Tensor> = (data: Float32Array, shape: readonly [number, number, number]) => T;

const inputNames = ["query", "key", "value", "beta", "decay"] as const;

/** @param state of decoding: each run advances it by a token, in place. Without one the layer starts from 0 and returns its final state */
export function callOf<T extends Tensor>(
  backend: Backend<T>,
  problem: LayerProblem,
  bring: Bring<T>,
  state?: State<T>,
): Call<T> {
  const { task, tokens, heads, cotangent } = problem;
  const layer = problem.layer as RecurrentName; // softmax attention is refused before
  const own: T[] = [];
  const brought = (data: Float32Array): T => {
    const t = bring(data, [1, tokens, data.length / tokens]);
    own.push(t);
    return t;
  };
  const given = inputNames.filter((name) => problem[name] !== undefined);
  const inputs = Object.fromEntries(given.map((name) => [name, brought(problem[name]!)]));
  const options: LayerOptions<T> = {
    heads: { query: heads },
    finalState: task !== "training",
    keep: task === "training",
  };
  const back = cotangent && brought(cotangent);
  const forward = forwards[layer] as unknown as Forward<T>;
  const backward = backwards[layer] as unknown as Backward<T>;
  return {
    run: () => {
      if (state) return [state.step(forwards[layer] as never, inputs as never, { heads: { query: heads } })];
      const { output, finalState, kept } = forward(backend, inputs, options);
      if (back === undefined) return [output, finalState!];
      const gradients = backward(backend, inputs, { output: back }, { ...options, kept });
      kept?.dispose();
      return [output, ...given.map((name) => gradients[name]!)];
    },
    dispose: () => {
      for (const t of own.splice(0)) t.dispose();
    },
  };
}

/** A prompt through a layer on plain arrays: output and final state, in arrays that every call fills anew. */
export function arraysOf(
  backend: Backend,
  problem: LayerProblem,
): () => Promise<readonly [Float32Array, Float32Array]> {
  const { tokens, heads, K, V } = problem;
  const given = inputNames.filter((name) => problem[name] !== undefined);
  const inputs = Object.fromEntries(given.map((name) => [name, problem[name]!]));
  const layer = onHost[problem.layer as RecurrentName] as unknown as host.HostLayer<Inputs<Tensor>>;
  const output = new Float32Array(tokens * heads * V);
  const finalState = new Float32Array(heads * K * V);
  const options = { heads: { query: heads }, shape: [1, tokens], output, finalState } as const;
  return async () => {
    await layer(backend, inputs, options);
    return [output, finalState];
  };
}
