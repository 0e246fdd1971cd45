import { correction, walk, type ReferenceProblem, type ReferenceResult } from "./walk.js";

/**
 * The operator LinearAttention of ONNX (opset 27), as its specification writes it: for each token
 *
 *     S ← e^g S                      where update_rule is "gated" or "gated_delta"; g has one number for each head or key channel
 *     w = β (v − Sᵀk), or w = v      with "delta" and "gated_delta", or without
 *     S ← S + k wᵀ;  o = scale · Sᵀ q
 *
 * Query head h reads state ⌊h / (Hq/Hkv)⌋. A scale of 0 means 1/√K. Where K = 1, a decay has one number for each head.
 *
 * https://onnx.ai/onnx/operators/onnx__LinearAttention.html
 */
export function onnxLinearAttention(
  problem: ReferenceProblem,
  inputs: {
    readonly query: Float64Array;
    readonly key: Float64Array;
    readonly value: Float64Array;
    readonly decay?: Float64Array | undefined;
    readonly beta?: Float64Array | undefined;
  },
  rule: "linear" | "gated" | "delta" | "gated_delta" = "gated_delta",
): ReferenceResult {
  const { batch, tokens, heads, keyWidth, valueWidth, scale } = problem;
  const { query, key, value, decay, beta } = inputs;
  const own = { ...problem, scale: scale === 0 ? undefined : scale };
  const scalar = decay?.length === batch * tokens * Math.max(heads.key, heads.value);
  return walk(own, query, (state, token) => {
    const k = token.vector(key, keyWidth);
    const v = token.vector(value, valueWidth);
    if (rule.startsWith("gated")) state.decay(token.vector(decay!, scalar ? 1 : keyWidth));
    state.add(k, rule.endsWith("delta") ? correction(token.vector(beta!, 1), v, state.read(k)) : v);
  });
}
