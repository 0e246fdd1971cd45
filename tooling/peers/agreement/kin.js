// Layers that the operator does not have, written as calls of it. Each case also says how this library computes the same.
import * as layers from "@dlrt/linear-attention";
import { problem } from "./problems.js";

const heads = { query: 2, key: 2, value: 4 };
const base = { heads, K: 24, V: 40, batch: 2, tokens: 65, past: true, seed: 7 };
/** Repeats each number `width` times, as the columns of its head. */
const perColumn = ({ data, dims }, width) => ({
  data: Float32Array.from({ length: data.length * width }, (_, i) => data[Math.floor(i / width)]),
  dims: [dims[0], dims[1], dims[2] * width],
});
const times = (x, y) => ({ dims: x.dims, data: x.data.map((xi, i) => xi * y.data[i]) });
const mapped = (x, f) => ({ dims: x.dims, data: x.data.map(f) });

/** Repeats stored heads of `width` columns for each of the states that share them. */
function forStates({ data, dims }, width, states) {
  const shared = (states * width) / dims[2];
  const from = (i) => {
    const head = Math.floor(i / width);
    return Math.floor(head / shared) * width + (i % width);
  };
  return {
    data: Float32Array.from({ length: data.length * shared }, (_, i) => data[from(i)]),
    dims: [dims[0], dims[1], states * width],
  };
}

/** Makes n rows of each row of x: the row `at` is that row, and the others are 0. */
function onRow({ data, dims }, at, n) {
  const [batch, tokens, columns] = dims;
  const out = new Float32Array(batch * tokens * n * columns);
  for (let row = 0; row < batch * tokens; row++) {
    out.set(data.subarray(row * columns, (row + 1) * columns), (row * n + at) * columns);
  }
  return { data: out, dims: [batch, tokens * n, columns] };
}

function retention() {
  const { feeds, attributes, shape } = problem({ rule: "gated", ...base });
  const { decay, ...own } = feeds;
  feeds.decay = mapped(decay, (_, i) => Math.log1p(-(2 ** (-5 - (i % shape.states)))));
  return { name: "retention", feeds, attributes, call: "retention", inputs: own };
}

/** Mamba-2 without D x, which the operator does not have; the tests of the layer have it. */
function ssd() {
  const { feeds, attributes, shape } = problem({ rule: "gated", ...base, scale: 1 });
  const dt = mapped(feeds.decay, (_, i) => 0.5 + 0.4 * Math.sin(i));
  const A = {
    data: Float32Array.from({ length: shape.states }, (_, h) => -0.3 * (h + 1)),
    dims: [1, 1, shape.states],
  };
  const inputs = { x: feeds.value, dt, A, B: feeds.key, C: feeds.query };
  feeds.value = times(feeds.value, perColumn(dt, shape.V));
  feeds.decay = mapped(dt, (x, i) => x * A.data[i % shape.states]);
  return { name: "ssd", feeds, attributes, call: "ssd", inputs };
}

/** DeltaProduct, of which one token is n tokens of the operator: the first of them decays, and the last is read. */
function gatedDeltaProduct(n) {
  const one = problem({ rule: "gated_delta", ...base });
  const { feeds, attributes } = problem({ rule: "gated_delta", ...base, tokens: base.tokens * n });
  const { query, decay } = one.feeds;
  const inputs = { ...feeds, query, decay };
  Object.assign(feeds, { query: onRow(query, n - 1, n), decay: onRow(decay, 0, n) });
  return {
    name: `gatedDeltaProduct, n = ${n}`,
    feeds,
    attributes,
    call: "gatedDeltaProduct",
    inputs,
    every: n,
  };
}

function gatedDeltaRule2() {
  const { feeds, attributes, shape } = problem({ rule: "gated_delta", ...base, decay: "channel" });
  const { beta, ...own } = feeds;
  const inputs = { ...own, erase: perColumn(beta, shape.K), write: perColumn(beta, shape.V) };
  return { name: "gatedDeltaRule2", feeds, attributes, call: "gatedDeltaRule2", inputs };
}

/** Comba, whose erase key reads the state before it decays: e^g k reads there what k reads afterwards. */
function comba() {
  const { feeds, attributes, shape } = problem({
    rule: "gated_delta",
    ...base,
    heads: { query: 4, key: 4, value: 4 },
  });
  const inputs = { ...feeds, erase: times(feeds.key, mapped(perColumn(feeds.decay, shape.K), Math.exp)) };
  return { name: "comba", feeds, attributes, call: "comba", inputs };
}

/** The layers with diag(e^g) + b aᵀ, by (I − β k kᵀ) diag(e^g) = diag(e^g) + b aᵀ with b = −β k and a = e^g ∘ k. Their key is β k. */
function lowRank(call, rename) {
  const scale = call === "rwkv7" ? 1 : undefined;
  const { feeds, attributes, shape } = problem({
    rule: "gated_delta",
    ...base,
    decay: "channel",
    ...(scale && { scale }),
  });
  const key = forStates(feeds.key, shape.K, shape.states);
  const written = times(key, perColumn(feeds.beta, shape.K));
  const inputs = rename({
    query: feeds.query,
    decay: feeds.decay,
    key: written,
    value: feeds.value,
    a: times(key, mapped(feeds.decay, Math.exp)),
    b: mapped(written, (x) => -x),
  });
  return { name: call, feeds, attributes, call, inputs, keys: shape.states };
}

export const kin = [
  retention(),
  ssd(),
  gatedDeltaProduct(2),
  gatedDeltaProduct(3),
  gatedDeltaRule2(),
  comba(),
  lowRank("dplr", (x) => x),
  lowRank("rwkv7", ({ query, decay, key, value, a, b }) => ({ r: query, w: decay, k: key, v: value, a, b })),
];

/** Computes a case by the layer's own call on a backend. `take` picks the rows of the operator's output that the layer has. */
export async function callOfLayer(backend, { call, inputs, feeds, attributes, every = 1, keys }) {
  const upload = ({ data, dims }) => backend.upload({ data, shape: dims });
  const { past_state: _past, ...arrays } = inputs;
  const [n, h, K, V] = feeds.past_state.dims;
  const state = backend.upload({ data: feeds.past_state.data, shape: [n * h, K, V] });
  const tensors = Object.fromEntries(Object.entries(arrays).map(([name, x]) => [name, upload(x)]));
  const heads = { query: attributes.q_num_heads, key: keys ?? feeds.key.dims[2] / K, value: h };
  const options = { heads, initialState: state, finalState: true, scale: attributes.scale };
  const { output, finalState } = layers[call](backend, tensors, options);
  const answer = { output: await backend.read(output), present_state: await backend.read(finalState) };
  for (const t of [...Object.values(tensors), state, output, finalState]) t.dispose();
  // Of every n tokens of the operator, the last is the one that the layer has.
  const take = ({ data, dims: [, tokens, columns] }) =>
    data.filter((_, i) => Math.floor(i / columns) % every === every - 1 && tokens % every === 0);
  return { answer, take };
}
