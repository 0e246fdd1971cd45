// Computes both sides of a case, and measures how far apart they are.
import {
  deltaRule,
  gatedDeltaRule,
  gla,
  kimiDeltaAttention,
  linearAttention,
  onnxLinearAttention,
  simpleGla,
} from "@dlrt/linear-attention";
import { onnxLinearAttention as reference } from "@dlrt/linear-attention/reference";
import { causalConvModel, linearAttentionModel } from "../index.js";
import { exactConv, ourConv } from "./conv.js";
import { callOfLayer } from "./kin.js";

/** Returns the largest difference, relative to the largest magnitude that is expected. */
export function distance(got, expected) {
  if (got.length !== expected.length) return Infinity;
  let [difference, size] = [0, 0];
  for (let i = 0; i < got.length; i++) {
    const d = Math.abs(got[i] - expected[i]);
    if (!(d <= difference)) difference = Number.isNaN(d) ? Infinity : d;
    size = Math.max(size, Math.abs(expected[i]));
  }
  return difference / (size || 1);
}

const outputNames = ["output", "present_state"];
const worst = (a, b) => Math.max(...outputNames.map((name) => distance(a[name], b[name])));

/** Computes a case by the operator in a runtime. */
async function theirs(runtime, { feeds, attributes }, domain) {
  const model = "weight" in feeds ? causalConvModel : linearAttentionModel;
  await runtime.load(model(feeds, attributes, domain), feeds);
  await runtime.call();
  return runtime.outputs();
}

/** Computes a case by `onnxLinearAttention` on a backend. @throws Error unless it has the very bits of the layer that it stands for */
async function ours(backend, { feeds, attributes }) {
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([name, { data, dims }]) => {
      const shape = dims.length === 4 ? [dims[0] * dims[1], dims[2], dims[3]] : dims;
      return [name, backend.upload({ data, shape })];
    }),
  );
  const { output, present_state: state } = onnxLinearAttention(backend, tensors, attributes);
  const answer = { output: await backend.read(output), present_state: await backend.read(state) };
  const layer = await layerItself(backend, tensors, attributes);
  const same = outputNames.every((name) => answer[name].every((x, i) => Object.is(x, layer[name][i])));
  for (const t of [...Object.values(tensors), output, state]) t.dispose();
  if (!same) throw new Error(`onnxLinearAttention differs from the layer with ${JSON.stringify(attributes)}`);
  return answer;
}

async function layerItself(backend, { past_state: initialState, ...inputs }, attributes) {
  const { q_num_heads: query, kv_num_heads: value, update_rule: rule, scale } = attributes;
  const K = inputs.query.shape[2] / query;
  const scalar = inputs.decay?.shape[2] === value;
  const layer = {
    linear: linearAttention,
    delta: deltaRule,
    gated: scalar ? simpleGla : gla,
    gated_delta: scalar ? gatedDeltaRule : kimiDeltaAttention,
  }[rule];
  const heads = { query, key: inputs.key.shape[2] / K, value };
  const options = { heads, scale: scale || undefined, initialState, finalState: true };
  const { output, finalState } = layer(backend, inputs, options);
  const answer = { output: await backend.read(output), present_state: await backend.read(finalState) };
  for (const t of [output, finalState]) t.dispose();
  return answer;
}

/** Computes a case by the plain recurrence in float64. */
function exact({ feeds, attributes, shape }) {
  const wide = Object.fromEntries(
    Object.entries(feeds).map(([name, { data }]) => [name, Float64Array.from(data)]),
  );
  const { batch, tokens, heads, K, V, scale } = shape;
  const of = { batch, tokens, heads, keyWidth: K, valueWidth: V, scale, initialState: wide.past_state };
  const { output, finalState } = reference(of, wide, attributes.update_rule);
  return { output, present_state: finalState };
}

const arrays = (outputs) => Object.fromEntries(outputNames.map((name) => [name, outputs[name].data]));

/** Measures a case of the operator: for each backend how far ours is from theirs and from float64, and how far theirs is from float64. */
export async function measureOperator(runtime, backends, one, domain) {
  const got = arrays(await theirs(runtime, one, domain));
  const [compute, right] = "weight" in one.feeds ? [ourConv, exactConv(one)] : [ours, exact(one)];
  const apart = {};
  const error = {};
  for (const [name, backend] of Object.entries(backends)) {
    const answer = await compute(backend, one);
    apart[name] = worst(answer, got);
    error[name] = worst(answer, right);
  }
  return { name: one.name, apart, error, theirError: worst(got, right) };
}

/** Measures a layer: for each backend how far it is from the operator that was called in its place. */
export async function measureKin(runtime, backends, one) {
  const outputs = await theirs(runtime, one, "com.microsoft");
  const apart = {};
  for (const [name, backend] of Object.entries(backends)) {
    const { answer, take } = await callOfLayer(backend, one);
    const expected = { output: take(outputs.output), present_state: outputs.present_state.data };
    apart[name] = worst(answer, expected);
  }
  return { name: one.name, apart };
}
