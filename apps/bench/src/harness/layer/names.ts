import type { DecayKind } from "@dlrt/core";

/** Layers of ours, and what they stand in for: causal softmax attention, whose time grows with the square of T. */
export const LAYER_NAMES = ["delta", "gated", "kda", "softmax"] as const;
export type LayerName = (typeof LAYER_NAMES)[number];
/** Those that keep a state. */
export type RecurrentName = Exclude<LayerName, "softmax">;

export const TASK_NAMES = ["prefill", "decoding", "training"] as const;
export type TaskName = (typeof TASK_NAMES)[number];

/** A layer's work, where it stands beside the operations on T. */
export type LayerWork = `${RecurrentName}, ${TaskName}`;

export const LAYER_WORDS: Readonly<Record<LayerName, string>> = {
  delta: "delta rule",
  gated: "gated delta rule",
  kda: "Kimi delta attention",
  softmax: "softmax attention",
};
export const TASK_WORDS: Readonly<Record<TaskName, string>> = {
  prefill: "prompt",
  decoding: "one token",
  training: "forward and gradients",
};

/** What of a layer's state decays by a number of its own: nothing, all of it at a token, or every key's channel. */
export const LAYER_DECAY: Readonly<Record<RecurrentName, DecayKind>> = {
  delta: "none",
  gated: "row",
  kda: "channel",
};
