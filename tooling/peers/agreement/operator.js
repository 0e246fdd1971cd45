// The cases of the operator LinearAttention: its rules with every kind of heads, gates, scale and state, at many lengths, and ONNX's own.
import { problem, roundedToHalf } from "./problems.js";

const rules = ["linear", "gated", "delta", "gated_delta"];

const headKinds = [
  ["as many", { query: 3, key: 3, value: 3 }],
  ["grouped queries", { query: 6, key: 2, value: 2 }],
  ["one key and value", { query: 8, key: 1, value: 1 }],
  ["grouped values", { query: 2, key: 2, value: 4 }],
  ["shared query", { query: 1, key: 4, value: 4 }],
  ["shared key", { query: 4, key: 2, value: 4 }],
];

const gatesOf = (rule) =>
  (rule.startsWith("gated") ? ["head", "channel"] : ["head"]).flatMap((decay) =>
    (rule.endsWith("delta") ? ["head", "one"] : ["head"]).map((beta) => ({ decay, beta })),
  );

/** Cases of a rule with all heads, gates, scales and past states, K ≠ V, and strong decays where there is a past state. */
const everyKind = (rule) =>
  headKinds.flatMap(([name, heads], at) =>
    gatesOf(rule).flatMap((gates) =>
      [{}, { scale: 0.25, past: true, strong: true }, { scale: 0, past: true }].map((more) => ({
        name: `${rule}, ${name}, ${JSON.stringify({ ...gates, ...more })}`,
        ...problem({ rule, heads, K: 12, V: 20, tokens: 17, ...gates, ...more, seed: 100 + at }),
      })),
    ),
  );

/** Cases of a rule without tokens, at lengths around those of chunks and up to that of a prompt, at the widths of models. */
const everyLength = (rule) =>
  [0, 1, 2, 15, 16, 17, 33, 64, 65, 252].flatMap((tokens) =>
    [
      [24, 40],
      [64, 64],
      [96, 192],
      [1, 8],
    ].map(([K, V]) => ({
      name: `${rule}, T = ${tokens}, ${K}/${V}`,
      ...problem({
        rule,
        heads: { query: 2, key: 2, value: 2 },
        K,
        V,
        batch: 1,
        tokens,
        decay: "channel",
        past: tokens % 2 === 1,
        seed: tokens,
      }),
    })),
  );

/** The shapes and attributes of ONNX 1.22's node tests for LinearAttention-27, by their names. The numbers are drawn anew. */
const nodeTests = () =>
  [
    ["linear", { rule: "linear" }],
    ["gated", { rule: "gated", decay: "channel" }],
    ["gated_per_head_decay", { rule: "gated" }],
    ["delta", { rule: "delta" }],
    ["gated_delta", { decay: "channel" }],
    ["gated_delta_beta_scalar", { decay: "channel", beta: "one" }],
    ["gated_delta_gqa", { decay: "channel", heads: { query: 8, key: 4, value: 4 } }],
    ["gated_delta_mqa", { decay: "channel", heads: { query: 8, key: 1, value: 1 } }],
    ["decode_step", { decay: "channel", tokens: 1, past: true }],
    ["prefill_with_past", { decay: "channel", past: true }],
    ["no_past_explicit_zeros", { decay: "channel", past: true, zeros: true }],
    ["explicit_scale", { decay: "channel", scale: 0.25 }],
    ["fp16", { decay: "channel", heads: { query: 8, key: 4, value: 4 }, half: true }],
    ["linear_t1_no_past", { rule: "linear", tokens: 1 }],
  ].map(([name, own], at) => {
    const heads = { query: 4, key: 4, value: 4 };
    const made = problem({ rule: "gated_delta", heads, K: 8, V: 8, tokens: 4, ...own, seed: 500 + at });
    if (own.zeros) made.feeds.past_state.data.fill(0);
    // No runtime here computes in f16, so the inputs are rounded to f16 and given in f32.
    if (own.half) for (const feed of Object.values(made.feeds)) feed.data = roundedToHalf(feed.data);
    return { name, ...made };
  });

const MICROSOFT = "com.microsoft";

/** The groups of cases. Each list is made when it is asked for. */
export const operatorGroups = [
  ...rules.map((rule) => ({
    name: `\`${rule}\``,
    domain: MICROSOFT,
    cases: () => [...everyKind(rule), ...everyLength(rule)],
  })),
  { name: "ONNX's node tests, as `com.microsoft`", domain: MICROSOFT, cases: nodeTests },
  { name: "ONNX's node tests, as opset 27", domain: "", cases: nodeTests },
];
