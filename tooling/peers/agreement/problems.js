// The arrays of one call: what the operator LinearAttention takes, of any head counts and widths.
import { randomFrom } from "../../random.mjs";

/** Rows of `width` columns of length 1: the delta rules stay bounded on such keys. */
function normalized(data, width) {
  return data.map((x, i) => {
    const row = data.subarray(i - (i % width), i - (i % width) + width);
    return x / Math.hypot(...row);
  });
}

const steps = [0, -1e-8, -0.01, -1, -3, -20, -100, -Infinity];

/**
 * A problem from its shape: `rule`, `heads` { query, key, value } of the stored arrays, `K`, `V`, `batch`, `tokens`; `decay` "head" or
 * "channel", `strong` for one with the values in `steps`; `beta` "head" or "one"; `past` with a state before; `scale`; `seed`.
 * Answers { feeds, attributes }, feeds by the operator's names as { data, dims }.
 */
export function problem(own) {
  const { rule, heads, K, V, batch = 2, tokens, decay = "head", beta = "head", past = false } = own;
  const random = randomFrom(own.seed ?? 1);
  const fill = (columns, next) => {
    const data = Float32Array.from({ length: batch * tokens * columns }, next);
    return { data, dims: [batch, tokens, columns] };
  };
  const states = heads.value;
  const key = fill(heads.key * K, random);
  const gate = own.strong
    ? () => steps[Math.floor(4 * (random() + 1)) % steps.length]
    : () => -0.2 * Math.abs(random());
  const feeds = {
    query: fill(heads.query * K, random),
    key: rule.endsWith("delta") ? { ...key, data: normalized(key.data, K) } : key,
    value: fill(heads.value * V, random),
    ...(past && {
      past_state: {
        data: Float32Array.from({ length: batch * states * K * V }, random),
        dims: [batch, states, K, V],
      },
    }),
    ...(rule.startsWith("gated") && { decay: fill(decay === "head" ? states : states * K, gate) }),
    ...(rule.endsWith("delta") && { beta: fill(beta === "head" ? states : 1, () => (random() + 1) / 2) }),
  };
  const attributes = {
    update_rule: rule,
    q_num_heads: heads.query,
    kv_num_heads: states,
    ...(own.scale !== undefined && { scale: own.scale }),
  };
  return { feeds, attributes, shape: { ...own, batch, states } };
}

/** The nearest numbers of f16, as f32: 11 bits, for magnitudes from 2⁻¹⁴ to 65504. */
export function roundedToHalf(data) {
  return data.map((x) => {
    const unit = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(x) || 1))) - 10);
    const units = x / unit;
    const whole = Math.round(units);
    const even = Math.abs(units - Math.trunc(units)) === 0.5 ? 2 * Math.round(units / 2) : whole;
    return even * unit;
  });
}
