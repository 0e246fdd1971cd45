// Writes ONNX models as protobuf. The field numbers are those of onnx.proto. Models this small need no library.

const utf8 = new TextEncoder();

function varint(value) {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`varint: expected an integer ≥ 0, got ${value}`);
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

/** Joins parts into one typed array, because weights are millions of bytes. */
function joined(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const integer = (number, value) => [...varint(number * 8), ...varint(value)];
const bytes = (number, content) => joined([varint(number * 8 + 2), varint(content.length), content]);
const text = (number, value) => bytes(number, utf8.encode(value));
const float = (number, value) => [
  ...varint(number * 8 + 5),
  ...new Uint8Array(new Float32Array([value]).buffer), // little-endian, as every machine that runs this is
];

/** AttributeProto: name = 1, type = 20 with its value in f = 2, i = 3 or s = 4. */
function attribute(name, value) {
  if (typeof value === "string") return [...text(1, name), ...text(4, value), ...integer(20, 3)];
  const { float: real } = value;
  if (real !== undefined) return [...text(1, name), ...float(2, real), ...integer(20, 1)];
  return [...text(1, name), ...integer(3, value), ...integer(20, 2)];
}

/** ValueInfoProto of an f32 tensor: name = 1, type = 2 { tensor_type = 1 { elem_type = 1, shape = 2 { dim = 1 { dim_value = 1 } } } }. */
const tensor = (name, dims) => {
  const shape = dims === undefined ? [] : bytes(2, joined(dims.map((size) => bytes(1, integer(1, size)))));
  return joined([text(1, name), bytes(2, bytes(1, joined([integer(1, 1), shape])))]);
};

/** NodeProto: input = 1, output = 2, op_type = 4, attribute = 5, domain = 7. */
const nodeOf = ({ op, domain = "", inputs, outputs, attributes = {} }) =>
  joined([
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
    text(7, domain),
  ]);

/** TensorProto: dims = 1, data_type = 2 (1 for f32, 7 for int64), name = 8, raw_data = 9. */
function constant(name, { data, dims }) {
  const type = data instanceof Float32Array ? 1 : data instanceof BigInt64Array ? 7 : undefined;
  if (type === undefined) throw new TypeError(`${name}: expected a Float32Array or a BigInt64Array`);
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return joined([...dims.map((size) => integer(1, size)), integer(2, type), text(8, name), bytes(9, raw)]);
}

/**
 * GraphProto: node = 1, name = 2, initializer = 5, input = 11, output = 12. ModelProto: ir_version = 1, graph = 7,
 * opset_import = 8 { domain = 1, version = 2 }.
 */
export function graphModel({ name, opsets, nodes, constants = {}, inputs, outputs }) {
  const graph = joined([
    ...nodes.map((node) => bytes(1, nodeOf(node))),
    text(2, name),
    ...Object.entries(constants).map(([each, value]) => bytes(5, constant(each, value))),
    ...Object.entries(inputs).map(([each, dims]) => bytes(11, tensor(each, dims))),
    ...outputs.map((each) => bytes(12, tensor(each))),
  ]);
  const imports = Object.entries(opsets).map(([domain, version]) =>
    bytes(8, joined([text(1, domain), integer(2, version)])),
  );
  return joined([integer(1, 10), bytes(7, graph), ...imports]);
}

/** Makes a model of one node. Its inputs are pairs of a name and its dims, or [''] for one that is not given; its outputs are names. */
export function oneNodeModel({ opsets, ...node }) {
  const given = node.inputs.filter(([name]) => name !== "");
  return graphModel({
    name: node.op,
    opsets,
    nodes: [{ ...node, inputs: node.inputs.map(([name]) => name) }],
    inputs: Object.fromEntries(given),
    outputs: node.outputs,
  });
}

/** Returns the operator's inputs in its order, up to the last that is given. */
function inOrder(names, feeds) {
  const inputs = names.map((name) => (name in feeds ? [name, feeds[name].dims] : [""]));
  while (inputs.at(-1)?.[0] === "") inputs.pop();
  return inputs;
}

/** Marks the attribute scale as a float, which it is even where its number is whole. */
const real = ({ scale, ...others }) => ({
  ...others,
  ...(scale !== undefined && { scale: { float: scale } }),
});

const modelOf = (op, names, outputs) => (feeds, attributes, domain) =>
  oneNodeModel({
    op,
    domain,
    opsets: domain === "" ? { "": 27 } : { "": 21, [domain]: 1 },
    inputs: inOrder(names, feeds),
    outputs,
    attributes: real(attributes),
  });

const WITH_STATE = ["output", "present_state"];

const inputs = ["query", "key", "value", "past_state", "decay", "beta"];
export const linearAttentionModel = modelOf("LinearAttention", inputs, WITH_STATE);

const convInputs = ["input", "weight", "bias", "past_state"];
export const causalConvModel = modelOf("CausalConvWithState", convInputs, WITH_STATE);

const attention = modelOf("MultiHeadAttention", ["query", "key", "value"], ["output"]);
export const softmaxAttentionModel = (feeds, heads) =>
  attention(feeds, { num_heads: heads, unidirectional: 1 }, "com.microsoft");
