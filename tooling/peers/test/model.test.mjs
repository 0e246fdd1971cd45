import { expect, test } from "vitest";
import { graphModel, linearAttentionModel, oneNodeModel } from "../model.js";

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const text = (bytes) => Buffer.from(bytes).toString("latin1");

test("a model's bytes are those of protobuf", () => {
  const model = oneNodeModel({
    op: "Op",
    domain: "d",
    opsets: { d: 300 },
    inputs: [["x", [2, 129]], [""]],
    outputs: ["y"],
    attributes: { a: 5, s: "t", f: { float: 0.5 } },
  });
  const node = [
    ...["0a0178", "0a00", "120179", "22024f70"], // inputs x and '', output y, op_type Op
    ...["2a080a0161", "1805", "a00102"], // attribute a, i = 5, type INT
    ...["2a090a0173", "220174", "a00103"], // attribute s, s = t, type STRING
    ...["2a0b0a0166", "150000003f", "a00101"], // attribute f, f = 0.5, type FLOAT
    "3a0164", // domain d
  ].join("");
  const shape = "0a0208020a03088101"; // dim_value 2, and 129 in two bytes
  const input = "0a0178120f0a0d08011209" + shape;
  const output = "0a017912040a020801";
  const length = (content) => (content.length / 2).toString(16).padStart(2, "0");
  const field = (tag, content) => tag + length(content) + content;
  const graph = field("0a", node) + "12024f70" + field("5a", input) + field("62", output);
  expect(hex(model)).toBe("080a" + field("3a", graph) + "42060a016410ac02");
});

test("nodes, and constants of f32 and int64, are a graph's", () => {
  const graph = {
    name: "g",
    opsets: { "": 1 },
    nodes: [
      { op: "A", inputs: ["x", "c"], outputs: ["y"] },
      { op: "B", inputs: ["y"], outputs: ["z"] },
    ],
    inputs: { x: [2] },
    outputs: ["z"],
  };
  const data = new Float32Array([9, 0.5, 2]).subarray(1); // does not begin where its buffer does
  const constants = { c: { data, dims: [2, 1] }, d: { data: BigInt64Array.of(-1n), dims: [1] } };
  const written = hex(graphModel({ ...graph, constants }));
  const nodes = ["0a0e0a01780a01631201792201413a00", "0a0b0a017912017a2201423a00"];
  expect(written).toContain(nodes.join("") + "120167"); // in their order, then the graph's name
  expect(written).toContain(["2a13", "08020801", "1001", "420163", "4a080000003f00000040"].join(""));
  expect(written).toContain(["2a11", "0801", "1007", "420164", "4a08ffffffffffffffff"].join(""));
  const text = { data: ["no"], dims: [1] };
  expect(() => graphModel({ ...graph, constants: { text } })).toThrow(/text: expected a Float32Array/);
});

test("inputs keep the operator's order, with '' for one that is absent and none after the last", () => {
  const feed = { dims: [1, 1, 1] };
  const model = text(
    linearAttentionModel(
      { query: feed, key: feed, value: feed, decay: feed },
      { scale: 0.25 },
      "com.microsoft",
    ),
  );
  expect(model).toContain("\n\x05query\n\x03key\n\x05value\n\x00\n\x05decay\x12\x06output");
  expect(model).not.toContain("beta");
});

test("what no varint can say is refused", () => {
  const node = { op: "Op", domain: "", opsets: { "": 1 }, inputs: [], outputs: [] };
  for (const value of [-1, 0.5, 2 ** 53]) {
    expect(() => oneNodeModel({ ...node, attributes: { a: value } })).toThrow(/expected an integer ≥ 0/);
  }
});
