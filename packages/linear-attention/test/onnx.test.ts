import { createJsBackend } from "@dlrt/backend-js";
import type { HostTensor } from "@dlrt/core";
import { readView } from "@dlrt/core/backend";
import { expect, test } from "vitest";
import { onnxLinearAttention, type OnnxLinearAttentionInputs } from "../src/index.js";
import { onnxLinearAttention as reference, type ReferenceProblem } from "../src/reference/index.js";
import { errorOf } from "./layers.js";
import { randomFrom } from "../../../tooling/random.mjs";

const rules = ["linear", "gated", "delta", "gated_delta"] as const;
const [B, T] = [2, 17];

interface Case {
  readonly query: number;
  readonly key: number;
  readonly value: number;
  readonly K?: number;
  readonly channels?: boolean;
  readonly oneBeta?: boolean;
  readonly scale?: number;
}

const cases: readonly Case[] = [
  { query: 2, key: 2, value: 2 },
  { query: 6, key: 2, value: 2, channels: true },
  { query: 2, key: 2, value: 4, oneBeta: true },
  { query: 1, key: 4, value: 4, channels: true, oneBeta: true },
  { query: 2, key: 2, value: 2, K: 1, scale: 0.25 },
  { query: 2, key: 2, value: 2, scale: -2 },
];

function inputsOf(rule: (typeof rules)[number], { query, key, value, K = 5, channels, oneBeta }: Case) {
  const V = 3;
  const random = randomFrom(8);
  const make = (columns: number, next = random) =>
    Float64Array.from({ length: B * T * columns }, () => Math.fround(next()));
  const gate = () => (random() + 1) / 2;
  return {
    query: make(query * K),
    key: make(key * K),
    value: make(value * V),
    past_state: Float64Array.from({ length: B * value * K * V }, () => Math.fround(random())),
    ...(rule.startsWith("gated") && { decay: make(channels ? value * K : value, () => -gate()) }),
    ...(rule.endsWith("delta") && { beta: make(oneBeta ? 1 : value, () => 0.3 * gate()) }),
  };
}

test.each(rules.flatMap((rule) => cases.map((own) => [rule, own] as const)))("%s, %j", (rule, own) => {
  const { query, key, value, K = 5, scale = 0 } = own;
  const backend = createJsBackend();
  const arrays = inputsOf(rule, own);
  const heads = { query, key, value };
  const problem: ReferenceProblem = { batch: B, tokens: T, heads, keyWidth: K, valueWidth: 3, scale };
  const expected = reference({ ...problem, initialState: arrays.past_state }, arrays, rule);
  const tensors = Object.fromEntries(
    Object.entries(arrays).map(([name, data]) => {
      const shape =
        name === "past_state" ? ([B * value, K, 3] as const) : ([B, T, data.length / (B * T)] as const);
      return [name, backend.upload({ data: new Float32Array(data), shape })];
    }),
  ) as unknown as OnnxLinearAttentionInputs<HostTensor>;
  const attributes = { q_num_heads: query, kv_num_heads: value, update_rule: rule, scale };
  const { output, present_state: state } = onnxLinearAttention(backend, tensors, attributes);
  expect(output.shape).toEqual([B, T, Math.max(query, value) * 3]);
  expect(errorOf(readView(output), expected.output)).toBeLessThan(1e-6);
  expect(errorOf(readView(state), expected.finalState)).toBeLessThan(1e-6);
});

test("defaults: gated_delta, 1/√K; what a rule lacks or does not take is refused by name", () => {
  const backend = createJsBackend();
  const one = (columns: number, number: number) =>
    backend.upload({ data: new Float32Array(columns).fill(number), shape: [1, 1, columns] });
  const rows = { query: one(4, 1), key: one(4, 1), value: one(2, 3) };
  const attributes = { q_num_heads: 1, kv_num_heads: 1 };
  const gates = { decay: one(1, 0), beta: one(1, 0.5) };
  // With β = ½ and no decay S = ½ k vᵀ, so that o = scale · Sᵀ q = ½ · ½ · 4 · 3.
  expect([...readView(onnxLinearAttention(backend, { ...rows, ...gates }, attributes).output)]).toEqual([
    3, 3,
  ]);
  const [three, six] = [one(3, 0), one(6, 1)];
  const memory = backend.memory();
  const refuses = (inputs: object, own: object, pattern: RegExp) =>
    expect(() =>
      onnxLinearAttention(backend, { ...rows, ...inputs }, { ...attributes, ...own } as never),
    ).toThrow(pattern);
  refuses({}, {}, /^decay: expected a tensor with update_rule "gated_delta", got none/);
  refuses({ decay: gates.decay }, {}, /^beta: expected a tensor/);
  refuses(gates, { update_rule: "delta" }, /^decay: expected none with update_rule "delta"/);
  refuses(gates, { update_rule: "gated" }, /^beta: expected none/);
  refuses(gates, { update_rule: "gated-delta" }, /^update_rule: expected "linear", "gated"/);
  refuses(gates, { q_num_heads: 3, kv_num_heads: 2 }, /^q_num_heads: expected a multiple or a divisor/);
  refuses(gates, { q_num_heads: 0 }, /^q_num_heads: expected an integer ≥ 1/);
  refuses(gates, { scale: Number.NaN }, /^scale: expected a finite number/);
  refuses(gates, { chunk_size: 0 }, /^chunk_size: expected an integer ≥ 1/);
  refuses({ ...gates, decay: three }, {}, /^decay: expected 1 or 4 columns, got 3 columns/);
  refuses({ ...gates, key: six }, {}, /^key: expected 1 heads of 4 columns/);
  refuses({ ...gates, past: rows.key }, {}, /^inputs: expected no option but .*past_state/);
  expect(backend.memory()).toEqual(memory);
});
