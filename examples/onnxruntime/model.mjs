// Makes a layer with a gated delta rule as an ONNX model, whole and cut in two around its token mixer. The weights are drawn from a seed.
import { graphModel } from "@dlrt/peers";
import { randomFrom } from "./random.mjs";

const MIXED = ["query", "key", "value", "decay", "beta"];

/** The nodes that compute the mixer's inputs from x [1, T, D]: unit query and key, value [1, T, H·K], the logarithm of the decay and β [1, T, H]. */
const projections = () => {
  const node = (op, inputs, output) => ({ op, inputs, outputs: [output] });
  const unit = (name) => [
    node("MatMul", ["x", `${name}_weight`], `${name}_rows`),
    node("Reshape", [`${name}_rows`, "by_head"], `${name}_heads`),
    node("ReduceL2", [`${name}_heads`, "last"], `${name}_length`),
    node("Div", [`${name}_heads`, `${name}_length`], `${name}_unit`),
    node("Reshape", [`${name}_unit`, "packed"], name),
  ];
  const gate = (name) => [
    node("MatMul", ["x", `${name}_weight`], `${name}_product`),
    node("Add", [`${name}_product`, `${name}_bias`], `${name}_sum`),
  ];
  return [
    ...unit("query"),
    ...unit("key"),
    node("MatMul", ["x", "value_weight"], "value"),
    ...gate("decay"),
    node("Sigmoid", ["decay_sum"], "kept"),
    node("Log", ["kept"], "decay"),
    ...gate("beta"),
    node("Sigmoid", ["beta_sum"], "beta"),
  ];
};

/** The node of onnxruntime's own token mixer. */
const mixer = (heads) => ({
  op: "LinearAttention",
  domain: "com.microsoft",
  inputs: ["query", "key", "value", "", "decay", "beta"],
  outputs: ["mixed", "state"],
  attributes: { update_rule: "gated_delta", q_num_heads: heads, kv_num_heads: heads },
});

/** The nodes of the output projection and the residual. */
const output = () => [
  { op: "MatMul", inputs: ["mixed", "output_weight"], outputs: ["projected"] },
  { op: "Add", inputs: ["projected", "x"], outputs: ["y"] },
];

function constantsOf({ heads, width, seed }) {
  const random = randomFrom(seed);
  const array = (dims, f) => ({
    data: Float32Array.from({ length: dims.reduce((a, b) => a * b) }, f),
    dims,
  });
  const weight = (rows, columns) => array([rows, columns], () => random() * Math.sqrt(3 / rows));
  const integers = (...values) => ({ data: BigInt64Array.from(values.map(BigInt)), dims: [values.length] });
  return {
    by_head: integers(0, 0, heads, width / heads),
    packed: integers(0, 0, width),
    last: integers(-1),
    query_weight: weight(width, width),
    key_weight: weight(width, width),
    value_weight: weight(width, width),
    decay_weight: weight(width, heads),
    decay_bias: array([heads], (_, h) => 2 + h / 4), // its sigmoid is about 0.9, the part of the memory that a token keeps
    beta_weight: weight(width, heads),
    beta_bias: array([heads], () => 0),
    output_weight: weight(width, width),
  };
}

/**
 * Makes the layer, of width H·K = H·V: `whole` computes y and the state [1, H, K, V] from x, and `before`, `mixer` and `after` have the same
 * nodes in three models.
 * @returns the bytes of these ONNX models
 */
export function models({ tokens, heads, width, seed = 1 }) {
  const all = constantsOf({ heads, width, seed });
  const rows = [1, tokens, width];
  const shapes = { x: rows, query: rows, key: rows, value: rows, mixed: rows };
  shapes.decay = shapes.beta = [1, tokens, heads];
  const model = (name, nodes, inputs, outputs) => {
    const used = new Set(nodes.flatMap((node) => node.inputs));
    return graphModel({
      name,
      opsets: { "": 21, "com.microsoft": 1 },
      nodes,
      constants: Object.fromEntries(Object.entries(all).filter(([each]) => used.has(each))),
      inputs: Object.fromEntries(inputs.map((each) => [each, shapes[each]])),
      outputs,
    });
  };
  const [front, middle, back] = [projections(), mixer(heads), output()];
  return {
    whole: model("whole", [...front, middle, ...back], ["x"], ["y", "state"]),
    before: model("before", front, ["x"], MIXED),
    mixer: model("mixer", [middle], MIXED, ["mixed", "state"]),
    after: model("after", back, ["mixed", "x"], ["y"]),
  };
}
