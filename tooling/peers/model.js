// ONNX models of one node, written as protobuf. The field numbers are those of onnx.proto; a model this small needs no library.

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

const integer = (number, value) => [...varint(number * 8), ...varint(value)];
const bytes = (number, content) => [...varint(number * 8 + 2), ...varint(content.length), ...content];
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
  const shape =
    dims === undefined
      ? []
      : bytes(
          2,
          dims.flatMap((size) => bytes(1, integer(1, size))),
        );
  return [...text(1, name), ...bytes(2, bytes(1, [...integer(1, 1), ...shape]))];
};

/** NodeProto: input = 1, output = 2, op_type = 4, attribute = 5, domain = 7. */
const nodeOf = ({ op, domain, inputs, outputs, attributes }) => [
  ...inputs.flatMap(([name]) => text(1, name)),
  ...outputs.flatMap((name) => text(2, name)),
  ...text(4, op),
  ...Object.entries(attributes).flatMap(([name, value]) => bytes(5, attribute(name, value))),
  ...text(7, domain),
];

/**
 * Inputs are pairs of a name, '' for one that is not given, and its dims; outputs are names.
 * GraphProto: node = 1, name = 2, input = 11, output = 12. ModelProto: ir_version = 1, graph = 7, opset_import = 8.
 */
export function oneNodeModel({ opsets, ...node }) {
  const graph = [
    ...bytes(1, nodeOf(node)),
    ...text(2, node.op),
    ...node.inputs.filter(([name]) => name !== "").flatMap(([name, dims]) => bytes(11, tensor(name, dims))),
    ...node.outputs.flatMap((name) => bytes(12, tensor(name))),
  ];
  const imports = Object.entries(opsets).map(([domain, version]) => [
    ...text(1, domain),
    ...integer(2, version),
  ]);
  return Uint8Array.from([
    ...integer(1, 10),
    ...bytes(7, graph),
    ...imports.flatMap((each) => bytes(8, each)),
  ]);
}

/** The operator's inputs in its order, none after the last that is given. */
function inOrder(names, feeds) {
  const inputs = names.map((name) => (name in feeds ? [name, feeds[name].dims] : [""]));
  while (inputs.at(-1)?.[0] === "") inputs.pop();
  return inputs;
}

/** The attribute scale is a float, whatever its number. */
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
