import type { DecayKind } from "@dlrt/core";

/** The layers that this library has, and causal softmax attention, in whose place they are used, whose time grows with the square of T. */
export const LAYER_NAMES = ["delta", "gated", "kda", "softmax"] as const;
export type LayerName = (typeof LAYER_NAMES)[number];
/** The layers that keep a state. */
export type RecurrentName = Exclude<LayerName, "softmax">;

export const TASK_NAMES = ["prefill", "decoding", "training"] as const;
export type TaskName = (typeof TASK_NAMES)[number];

/** What names a layer's work in a list with the operations on T. */
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

/** How each layer's state decays: not at all, by one factor a token, or by one a token and key channel. */
export const LAYER_DECAY: Readonly<Record<RecurrentName, DecayKind>> = {
  delta: "none",
  gated: "row",
  kda: "channel",
};
