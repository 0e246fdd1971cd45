// Errors of a call that goes through its tokens in pieces speak of the whole arrays, and come before anything is written.
import { createJsBackend } from "@dlrt/backend-js";
import { DtypeError, ShapeError, ValueError, type FloatArray } from "@dlrt/core";
import { expect, test } from "vitest";
import { onHost } from "./host-layers.js";
import { inputsOf, named } from "./layers.js";
import { options, problem } from "./stream.js";

const layer = named("gatedDeltaRule");
const inputs = inputsOf(layer, problem, "typical", 4);
const { batch, tokens } = problem;

const length = batch * tokens * 12;
const cases: readonly (readonly [string, object, object, new (...of: never) => Error, RegExp])[] = [
  ["a row too many", { beta: new Float64Array(inputs["beta"]!.length + batch * 4) }, {}, ShapeError, /^beta/],
  [
    "columns that do not fit, told of the whole",
    { key: inputs["query"]!.subarray(0, batch * tokens * 6) },
    {},
    ShapeError,
    /400/,
  ],
  [
    "an output too short",
    {},
    { output: new Float64Array(length - 1) },
    ShapeError,
    /^output: expected 230400 elements/,
  ],
  [
    "an output of another type",
    {},
    { output: new Float32Array(length) },
    DtypeError,
    /^output: expected f64, got f32/,
  ],
  ["no array", {}, { output: true }, DtypeError, /^output: expected a Float32Array/],
  [
    "an output over an input",
    {},
    { output: inputs["value"] },
    ValueError,
    /^output: expected memory that value does not share/,
  ],
  [
    "an output over the final state",
    {},
    { output: new Float64Array(length), finalState: "the output's" },
    ValueError,
    /^output: .*finalState/,
  ],
];
test.each(cases)("%s", async (_, changed, given, type, pattern) => {
  const { output, finalState } = given as { output?: FloatArray; finalState?: string };
  const states = finalState === undefined ? {} : { finalState: output!.subarray(0, batch * 4 * 18) };
  const backend = createJsBackend();
  const call = () => onHost(layer)(backend, { ...inputs, ...changed }, { ...options, ...given, ...states });
  await expect(call()).rejects.toThrow(pattern);
  await expect(call()).rejects.toThrow(type);
  expect(backend.memory().tensors).toBe(0);
});

const view = { data: inputs["value"], shape: [batch, tokens, 12] };
const views: readonly (readonly [string, object, new (...of: never) => Error, RegExp])[] = [
  [
    "too short for the last piece alone",
    { ...view, data: view.data!.subarray(1) },
    ShapeError,
    /^view.data: expected a buffer holding elements 0 to 230399, got 230399 elements/,
  ],
  [
    "whose last rows lie before the array",
    { ...view, strides: [4800, -12, 1], offset: 398 * 12 },
    ShapeError,
    /^view.data: expected a buffer holding elements -12 to 230387/,
  ],
  ["of no offset", { ...view, offset: null }, ShapeError, /^view.offset: expected an integer ≥ 0, got null/],
  ["of nothing", { ...view, data: null }, DtypeError, /^value: expected a Float32Array/],
  ["of no shape", { ...view, shape: null }, ShapeError, /^value.shape: expected \[batch, rows, cols\]/],
  ["of a shape that is a number", { ...view, shape: 5 }, ShapeError, /^value.shape: .*got 5/],
];
test.each(views)(
  "a view %s is told of the whole, and nothing is written",
  async (_, value, type, pattern) => {
    const backend = createJsBackend();
    const output = new Float64Array(length).fill(7);
    const call = () => onHost(layer)(backend, { ...inputs, value }, { ...options, output });
    await expect(call()).rejects.toThrow(pattern);
    await expect(call()).rejects.toThrow(type);
    expect(output.every((x) => x === 7)).toBe(true);
    expect(backend.memory().tensors).toBe(0);
  },
);

test("a view of nothing that comes first is told by its type", async () => {
  const query = { data: null, shape: view.shape };
  await expect(onHost(layer)(createJsBackend(), { ...inputs, query }, options)).rejects.toThrow(DtypeError);
});
