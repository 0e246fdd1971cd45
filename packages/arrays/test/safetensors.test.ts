import { describe, expect, test } from "vitest";
import { FormatError, openSafetensors, type NdArray } from "../src/index.js";
import { fixture, listOf, refusal, safetensors, source, values } from "./files.js";

/** Reads every tensor of a file. */
function readAll(bytes: Uint8Array): Map<string, NdArray> {
  const { tensors, read } = openSafetensors(source(bytes));
  return new Map([...tensors.keys()].map((name) => [name, read(name)]));
}

test("safetensors as its own library writes them", () => {
  const { tensors: infos, metadata } = openSafetensors(source(fixture("numpy.safetensors")));
  expect(metadata).toEqual({ made: "by make.py" });
  expect(infos.get("q")).toEqual({ dtype: "F32", shape: [1, 4, 3] });
  const tensors = readAll(fixture("numpy.safetensors"));
  expect([...infos.keys()].sort()).toEqual(["beta", "flags", "ids", "k", "none", "q", "scalar", "v", "ü "]);
  expect(tensors.get("q")).toEqual({
    dtype: "f32",
    shape: [1, 4, 3],
    data: new Float32Array(values(12, "f")),
  });
  expect(tensors.get("k")).toEqual({
    dtype: "f64",
    shape: [1, 4, 3],
    data: new Float64Array(values(12, "f")),
  });
  expect(tensors.get("v")).toEqual({ dtype: "f16", shape: [2, 2], data: new Float32Array(values(4, "f")) });
  expect(tensors.get("beta")).toEqual({ dtype: "i32", shape: [5], data: new Int32Array(values(5, "i")) });
  expect(tensors.get("flags")).toEqual({ dtype: "bool", shape: [3], data: new Uint8Array(values(3, "b")) });
  expect(tensors.get("none")).toEqual({ dtype: "f32", shape: [0, 2], data: new Float32Array(0) });
  expect(tensors.get("scalar")).toEqual({ dtype: "f32", shape: [], data: new Float32Array([-2.75]) });
  expect(tensors.get("ü ")).toEqual({ dtype: "u8", shape: [2], data: new Uint8Array(values(2, "u")) });
  expect(tensors.get("ids")).toEqual({
    dtype: "i64",
    shape: [3],
    data: BigInt64Array.from(values(3, "i"), BigInt),
  });
});

const tensor = (dtype: string, shape: string, offsets: string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

describe("safetensors by the specification", () => {
  test("a header padded with spaces, elements that do not lie on their size, bfloat16", () => {
    const header = `{"a":${tensor("U8", "[1]", "[0,1]")},"b":${tensor("BF16", "[2]", "[1,5]")}}   `;
    const bytes = safetensors(header, 5);
    bytes.set([7, 0x80, 0x3f, 0x20, 0xc0], bytes.length - 5);
    const tensors = readAll(bytes);
    expect(listOf(tensors.get("a")!.data)).toEqual([7]);
    expect(listOf(tensors.get("b")!.data)).toEqual([1, -2.5]);
  });
  test("dtypes that are not taken, beside one that is", () => {
    const dtypes = ["C64", "F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2FNUZ"];
    const others = dtypes.map((dtype, i) => `"${dtype}":${tensor(dtype, "[4]", `[${4 + i},${5 + i}]`)}`);
    const header = `{"a":${tensor("F32", "[1]", "[0,4]")},${others.join(",")}}`;
    const { tensors, read } = openSafetensors(source(safetensors(header, 4 + dtypes.length)));
    expect([...tensors.keys()]).toEqual(["a", ...dtypes]);
    expect(read("a").data).toEqual(new Float32Array(1));
    expect(() => read("b")).toThrow(/^name: expected one of "a", "C64".*got "b"$/);
    for (const dtype of dtypes) {
      expect(refusal(() => read(dtype))).toContain(
        `"${dtype}" has dtype ${dtype}, which is not taken; taken are U64, I64`,
      );
    }
  });
  test("metadata of 9 MB, in one string and in many, with escapes", () => {
    const long = `\\"\\\\${"x".repeat(9_000_000)}\\\\`;
    const many = Array.from({ length: 200_000 }, (_, i) => `"key ${i}":"{\\"a\\": [${i}]}"`);
    for (const metadata of [`{"a":"${long}"}`, `{${many.join(",")}}`]) {
      const header = `{"__metadata__":${metadata},"a" :${tensor("F32", "[1]", "[0,4]")}}`;
      expect([...readAll(safetensors(header, 4)).keys()]).toEqual(["a"]);
      const twice = header.replace(/\}$/, `,"a":${tensor("F32", "[0]", "[4,4]")}}`);
      expect(refusal(() => readAll(safetensors(twice, 4)))).toMatch(/"a" stands twice/);
    }
  });
  test("no tensors, and a view into a larger buffer", () => {
    expect(readAll(safetensors("{}")).size).toBe(0);
    const whole = new Uint8Array([9, 9, 9, ...fixture("numpy.safetensors"), 9]);
    const shifted = readAll(whole.subarray(3, whole.length - 1));
    expect(shifted).toEqual(readAll(fixture("numpy.safetensors")));
  });

  const f4 = (shape: string, offsets: string): string => `{"a":${tensor("F32", shape, offsets)}}`;
  const bad: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["empty", new Uint8Array(0), /is empty/],
    ["header length beyond 100 MB", new Uint8Array(16).fill(255), /at most 100000000/],
    ["header length beyond the file", safetensors("{}").subarray(0, 9), /ends after 9 bytes/],
    ["header no object", safetensors("[1]"), /begin with \{/],
    ["header no JSON", safetensors("{'a': 1}"), /no JSON/],
    ["header no UTF-8", Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d), /no JSON/],
    ["entry no object", safetensors('{"a":1}'), /"a" is no object/],
    ["no dtype", safetensors('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4), /no dtype/],
    [
      "dtype F12",
      safetensors(`{"a":${tensor("F12", "[1]", "[0,4]")}}`, 4),
      /"a" has dtype F12, which is not taken/,
    ],
    ["dtype of Object", safetensors(`{"a":${tensor("toString", "[1]", "[0,4]")}}`, 4), /has dtype toString/],
    [
      "unknown dtype, offsets reversed",
      safetensors(`{"a":${tensor("F4", "[1]", "[4,0]")}}`, 4),
      /data_offsets \[4, 0\]/,
    ],
    ["hole beside an unknown dtype", safetensors(`{"a":${tensor("F4", "[2]", "[1,2]")}}`, 2), /begins at 1/],
    ["shape no list", safetensors(f4("4", "[0,16]"), 16), /no shape/],
    ["size 1.5", safetensors(f4("[1.5]", "[0,6]"), 6), /expected a whole number/],
    ["negative size", safetensors(f4("[-1]", "[0,4]"), 4), /expected a whole number/],
    ["overflowing product", safetensors(f4("[4294967296,4294967296]", "[0,0]")), /more than/],
    ["offsets reversed", safetensors(f4("[1]", "[4,0]"), 4), /data_offsets \[4, 0\]/],
    ["three offsets", safetensors(f4("[1]", "[0,2,4]"), 4), /two whole numbers/],
    ["offsets and shape differ", safetensors(f4("[3]", "[0,8]"), 8), /needs 12 bytes, data_offsets hold 8/],
    ["past the end", safetensors(f4("[3]", "[0,12]"), 8), /ends early/],
    ["bytes after the last", safetensors(f4("[3]", "[0,12]"), 13), /1 bytes after/],
    ["hole at the start", safetensors(f4("[1]", "[4,8]"), 8), /begins at 4/],
    [
      "overlap",
      safetensors(`{"a":${tensor("F32", "[2]", "[0,8]")},"b":${tensor("F32", "[2]", "[4,12]")}}`, 12),
      /begins at 4, the tensor before ends at 8/,
    ],
    ["metadata no object", safetensors('{"__metadata__":["a"]}'), /no map of strings/],
    ["metadata no strings", safetensors('{"__metadata__":{"a":1}}'), /no map of strings/],
    ["a key of an entry twice", safetensors(f4('[1],"shape":[1]', "[0,4]"), 4), /"shape" stands twice/],
    [
      "name twice",
      safetensors(`{"a":${tensor("F32", "[1]", "[0,4]")}, "\\u0061" :${tensor("F32", "[1]", "[0,4]")}}`, 4),
      /twice/,
    ],
  ];
  for (const [name, bytes, message] of bad) {
    test(`refused: ${name}`, () => {
      expect(refusal(() => readAll(bytes))).toMatch(message);
    });
  }
  test("refused: cut at any byte", () => {
    const whole = fixture("numpy.safetensors");
    for (let end = 0; end < whole.length; end++) {
      expect(() => openSafetensors(source(whole.subarray(0, end))), `${end} bytes`).toThrow(FormatError);
    }
  });
});
