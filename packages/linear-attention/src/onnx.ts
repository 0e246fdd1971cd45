import { ShapeError, ValueError, type Backend, type Tensor } from "@dlrt/core";
import { checkCount, checkOptions, checkReadable, describe } from "@dlrt/core/backend";
import type { Heads, LayerOptions, LayerResult } from "./engine/options.js";
import { deltaRule } from "./layers/delta-rule.js";
import { gatedDeltaRule } from "./layers/gated-delta-rule.js";
import { gla } from "./layers/gla.js";
import { kimiDeltaAttention } from "./layers/kimi-delta-attention.js";
import { linearAttention } from "./layers/linear-attention.js";
import { simpleGla } from "./layers/simple-gla.js";

/** The inputs of the operator, by its own names. */
export interface OnnxLinearAttentionInputs<T extends Tensor = Tensor> {
  /** [B, T, Hq·K] */
  readonly query: T;
  /** [B, T, Hkv·K], or [B, T, Hk·K] with fewer heads than the value */
  readonly key: T;
  /** [B, T, Hkv·V] */
  readonly value: T;
  /** [B·Hkv, K, V], which is the operator's (B, Hkv, K, V) in the same memory. Default 0 */
  readonly past_state?: T | undefined;
  /**
   * g ≤ 0, the natural logarithm of the factor by which the state decays, [B, T, Hkv] or [B, T, Hkv·K]. It is given with the rules "gated" and
   * "gated_delta" alone
   */
  readonly decay?: T | undefined;
  /** β, after its sigmoid, [B, T, Hkv] or [B, T, 1]. It is given with the rules "delta" and "gated_delta" alone */
  readonly beta?: T | undefined;
}

export interface OnnxLinearAttentionAttributes {
  /** Hq, the heads of the query */
  readonly q_num_heads: number;
  /** Hkv, the heads of the value and the state */
  readonly kv_num_heads: number;
  /** Default "gated_delta" */
  readonly update_rule?: "linear" | "gated" | "delta" | "gated_delta" | undefined;
  /** What the output is multiplied by. Default 0.0, which means 1/√K */
  readonly scale?: number | undefined;
  /** A hint to other implementations. Here it must only be an integer ≥ 1. */
  readonly chunk_size?: number | undefined;
}

export interface OnnxLinearAttentionResult<T extends Tensor = Tensor> {
  /** [B, T, max(Hq, Hkv)·V] */
  readonly output: T;
  /** [B·Hkv, K, V] */
  readonly present_state: T;
}

const rules = ["linear", "gated", "delta", "gated_delta"] as const;
const inputNames = ["query", "key", "value", "past_state", "decay", "beta"];
const attributeNames = ["q_num_heads", "kv_num_heads", "update_rule", "scale", "chunk_size"];

/**
 * Computes the operator LinearAttention of ONNX (opset 27, and com.microsoft's), by its names, with its defaults and checks. For each token
 *
 *     S ← e^g S ("gated", "gated_delta");   w = β (v − Sᵀk) ("delta", "gated_delta") or v;   S ← S + k wᵀ;   o = scale · Sᵀ q
 *
 * Query head h reads state ⌊h / (Hq/Hkv)⌋; where Hq is less than Hkv, Hkv/Hq neighbouring states share a query. Where K = 1, a decay has one
 * number for each head. https://onnx.ai/onnx/operators/onnx__LinearAttention.html
 * @returns new tensors, the caller's to dispose
 * @throws ShapeError, DtypeError, ValueError, DisposedError, UnsupportedError, LimitError
 */
export function onnxLinearAttention<T extends Tensor>(
  backend: Backend<T>,
  inputs: OnnxLinearAttentionInputs<T>,
  attributes: OnnxLinearAttentionAttributes,
): OnnxLinearAttentionResult<T> {
  if (inputs === undefined) throw new ValueError("inputs", "{ query, key, value }", "undefined");
  if (attributes === undefined)
    throw new ValueError("attributes", "{ q_num_heads, kv_num_heads }", "undefined");
  checkOptions("inputs", inputs, inputNames);
  checkOptions("attributes", attributes, attributeNames);
  const { update_rule: rule = "gated_delta", scale = 0 } = attributes;
  if (!rules.includes(rule)) {
    throw new ValueError("update_rule", rules.map((name) => `"${name}"`).join(", "), describe(rule));
  }
  if (!Number.isFinite(scale)) throw new ValueError("scale", "a finite number", describe(scale));
  const { chunk_size: chunk = 64 } = attributes;
  checkCount("chunk_size", chunk);
  checkPresence(rule, inputs);
  const heads = headsOf(backend, inputs, attributes);
  const options: LayerOptions<T> = {
    heads,
    scale: scale === 0 ? undefined : scale,
    initialState: inputs.past_state,
    finalState: true,
  };
  const { output, finalState } = layerOf(rule, backend, inputs, attributes, options);
  return { output, present_state: finalState! };
}

/** Computes the layer that a rule stands for. */
function layerOf<T extends Tensor>(
  rule: (typeof rules)[number],
  backend: Backend<T>,
  { query, key, value, decay, beta }: OnnxLinearAttentionInputs<T>,
  { kv_num_heads: states }: OnnxLinearAttentionAttributes,
  options: LayerOptions<T>,
): LayerResult<T> {
  const rows = { query, key, value };
  if (rule === "linear") return linearAttention(backend, rows, options);
  if (rule === "delta") return deltaRule(backend, { ...rows, beta: beta! }, options);
  const scalar = decay!.shape[2] === states;
  if (rule === "gated") return (scalar ? simpleGla : gla)(backend, { ...rows, decay: decay! }, options);
  const gated = scalar ? gatedDeltaRule : kimiDeltaAttention;
  return gated(backend, { ...rows, decay: decay!, beta: beta! }, options);
}

/** Checks that the gates are given that a rule has, and no others. @throws ValueError */
function checkPresence<T extends Tensor>(rule: string, inputs: OnnxLinearAttentionInputs<T>): void {
  for (const [name, needed] of [
    ["decay", rule.startsWith("gated")],
    ["beta", rule.endsWith("delta")],
  ] as const) {
    const given = inputs[name] !== undefined;
    if (given && !needed) throw new ValueError(name, `none with update_rule "${rule}"`, "one");
    if (!given && needed) throw new ValueError(name, `a tensor with update_rule "${rule}"`, "none");
  }
}

/** Returns the heads of query, key and value. Those of the key follow from its columns. @throws ValueError, ShapeError, DisposedError */
function headsOf<T extends Tensor>(
  backend: Backend<T>,
  { query, key, decay, beta }: OnnxLinearAttentionInputs<T>,
  { q_num_heads: queries, kv_num_heads: states }: OnnxLinearAttentionAttributes,
): Heads {
  checkCount("q_num_heads", queries);
  checkCount("kv_num_heads", states);
  if (queries % states !== 0 && states % queries !== 0) {
    throw new ValueError(
      "q_num_heads",
      `a multiple or a divisor of kv_num_heads, ${states}`,
      String(queries),
    );
  }
  checkReadable(backend, "query", query);
  checkReadable(backend, "key", key);
  const width = query.shape[2] / queries;
  if (!Number.isInteger(width))
    throw new ShapeError("query", `columns in a multiple of ${queries} heads`, `${query.shape[2]} columns`);
  const keys = width === 0 ? states : key.shape[2] / width;
  if (!Number.isInteger(keys) || keys < 1 || states % keys !== 0) {
    throw new ShapeError(
      "key",
      `${states} heads of ${width} columns, or a divisor of them`,
      `${key.shape[2]} columns`,
    );
  }
  if (decay !== undefined) {
    checkReadable(backend, "decay", decay);
    checkColumns("decay", decay, [states, states * width]);
  }
  if (beta !== undefined) {
    checkReadable(backend, "beta", beta);
    checkColumns("beta", beta, [states, 1]);
  }
  return { query: queries, key: keys, value: states };
}

/** @throws ShapeError unless the tensor has one of these numbers of columns */
function checkColumns(name: string, t: Tensor, allowed: readonly number[]): void {
  if (!allowed.includes(t.shape[2]))
    throw new ShapeError(name, `${allowed.join(" or ")} columns`, `${t.shape[2]} columns`);
}
