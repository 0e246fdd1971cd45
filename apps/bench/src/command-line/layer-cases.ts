import type { LayerName, LayerRequest, LayerSizes, TaskName } from "../harness/index.js";

const of = (tokens: number, heads: number, K: number, V = K): LayerSizes => ({ tokens, heads, K, V });

/** The layers of real models on which a prompt, a token and a step of training are timed. */
const CASES: readonly LayerRequest[] = [
  { task: "prefill", layer: "delta", ...of(4096, 8, 64), about: "a long prompt, small heads" },
  { task: "prefill", layer: "gated", ...of(4096, 8, 64), about: "a long prompt, small heads" },
  { task: "prefill", layer: "delta", ...of(1024, 16, 128), about: "DeltaNet 1.3B" },
  { task: "prefill", layer: "gated", ...of(1024, 16, 128), about: "Qwen3.5 0.8B and 2B" },
  { task: "prefill", layer: "delta", ...of(512, 30, 96, 192), about: "heads of OLMo-Hybrid-7B" },
  { task: "prefill", layer: "kda", ...of(1024, 16, 128), about: "heads of Kimi-Linear" },
  { task: "decoding", layer: "gated", ...of(1, 16, 128), about: "Qwen3.5 0.8B and 2B" },
  { task: "training", layer: "gated", ...of(1024, 16, 128), about: "Qwen3.5 0.8B and 2B" },
];

export interface Choice {
  readonly task?: readonly TaskName[] | undefined;
  readonly layer?: readonly LayerName[] | undefined;
  readonly tokens?: readonly number[] | undefined;
  readonly heads?: number | undefined;
  readonly keys?: number | undefined;
  readonly values?: number | undefined;
}

const DEFAULT = of(1024, 16, 128);

/** Returns the cases of models that are asked for; or, where a size is given, every task, layer and length asked for with it. */
export function layerCases({ task, layer, tokens, heads, keys, values }: Choice): readonly LayerRequest[] {
  const own = [tokens, heads, keys, values].some((size) => size !== undefined) || layer?.includes("softmax");
  if (!own) {
    return CASES.filter((one) => (task?.includes(one.task) ?? true) && (layer?.includes(one.layer) ?? true));
  }
  const K = keys ?? DEFAULT.K;
  const sizes = { heads: heads ?? DEFAULT.heads, K, V: values ?? K, about: "sizes of your own" };
  return (tokens ?? [DEFAULT.tokens]).flatMap((length) =>
    (task ?? (["prefill"] as const)).flatMap((task) =>
      (layer ?? (["gated"] as const)).map((layer) => ({
        ...{ task, layer, tokens: task === "decoding" ? 1 : length },
        ...sizes,
      })),
    ),
  );
}
