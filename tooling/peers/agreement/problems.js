// Draws the arrays of a call of the operator LinearAttention, of any numbers of heads and any widths.
import { randomFrom } from "../../random.mjs";

/** Returns rows of `width` columns divided by their length. With such keys the delta rules stay bounded. */
function normalized(data, width) {
  return data.map((x, i) => {
    const row = data.subarray(i - (i % width), i - (i % width) + width);
    return x / Math.hypot(...row);
  });
}

const steps = [0, -1e-8, -0.01, -1, -3, -20, -100, -Infinity];

/**
 * Draws a problem.
 * @param own has its `rule`, the `heads` { query, key, value } of the stored arrays, `K`, `V`, `batch` and `tokens`; `decay` is "head" or
 * "channel", and `strong` takes it from `steps`; `beta` is "head" or "one"; `past` gives it a state before the first token; `scale`; `seed`
 * @returns { feeds, attributes, shape }, the feeds by the operator's names as { data, dims }
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

/** Returns the nearest numbers of f16, which has 11 bits, for magnitudes from 2⁻¹⁴ to 65504. */
export function roundedToHalf(data) {
  return data.map((x) => {
    const unit = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(x) || 1))) - 10);
    const units = x / unit;
    const whole = Math.round(units);
    const even = Math.abs(units - Math.trunc(units)) === 0.5 ? 2 * Math.round(units / 2) : whole;
    return even * unit;
  });
}
