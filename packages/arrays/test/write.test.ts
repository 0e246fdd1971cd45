import { readdirSync } from "node:fs";
import { DtypeError, ShapeError, ValueError } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import {
  openSafetensors,
  readNpy,
  writeNpy,
  writeSafetensors,
  type ArrayToWrite,
  type NdArray,
} from "../src/index.js";
import { fixture, folder } from "./files.js";

const shown = (array: NdArray): unknown => [array.dtype, array.shape, array.data];

describe("npy", () => {
  const little = readdirSync(folder).filter((name) =>
    /^(c-.*-little|scalar|empty|special.*)\.npy$/.test(name),
  );
  test.each(little)("%s: byte for byte what numpy wrote", (name) => {
    expect(writeNpy(readNpy(fixture(name)))).toEqual(fixture(name));
  });
  test("one axis, and a shape of many, whose header is longer than 128 bytes", () => {
    for (const shape of [[3], Array.from({ length: 60 }, (_, i) => (i === 9 ? 3 : 1))]) {
      const file = writeNpy({ data: Float32Array.of(1, 2, 3), shape });
      expect(file.length % 64).toBe(12);
      expect(shown(readNpy(file))).toEqual(["f32", shape, Float32Array.of(1, 2, 3)]);
    }
  });
  test("a view of a larger array, at an odd element", () => {
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    expect(readNpy(writeNpy({ data, shape: [2] })).data).toEqual(Float32Array.of(1, 2));
    expect(readNpy(writeNpy({ data, shape: [2], dtype: "f16" })).data).toEqual(Float32Array.of(1, 2));
  });
  test("bf16, which numpy has not", () => {
    const call = (): unknown => writeNpy({ data: Float32Array.of(1), shape: [1], dtype: "bf16" });
    expect(call).toThrow(DtypeError);
    expect(call).toThrow(/array\.dtype: expected one that \.npy files have.*got "bf16"/);
  });
});

describe("safetensors", () => {
  test("numpy.safetensors: byte for byte what its own library wrote", () => {
    const { tensors, read, metadata } = openSafetensors(fixture("numpy.safetensors"));
    const arrays = [...tensors.keys()].map((name) => [name, read(name)] as const);
    expect(writeSafetensors(arrays, { metadata })).toEqual(fixture("numpy.safetensors"));
    expect(writeSafetensors(new Map([...arrays].reverse()), { metadata })).toEqual(
      fixture("numpy.safetensors"),
    );
  });
  test("names that JSON, or JavaScript, treats in its own way", () => {
    const names = ["__proto__", "7", "constructor", "", 'a"b\\c', "é\u0000\n", "😀", "length"];
    const arrays = names.map((name, i) => [name, { data: Float32Array.of(i), shape: [] }] as const);
    const { tensors, read } = openSafetensors(writeSafetensors(arrays));
    expect([...tensors.keys()].sort()).toEqual([...names].sort());
    names.forEach((name, i) => expect(read(name).data).toEqual(Float32Array.of(i)));
  });
  test("every type, empty and of no axes; each lies on a multiple of its size", () => {
    const arrays: Record<string, ArrayToWrite> = {
      i8: { data: Int8Array.of(-128, 127, 0), shape: [3] },
      u64: { data: BigUint64Array.of(2n ** 64n - 1n), shape: [1, 1] },
      i64: { data: BigInt64Array.of(-(2n ** 63n)), shape: [] },
      bool: { data: Uint8Array.of(0, 1), shape: [2], dtype: "bool" },
      u16: { data: Uint16Array.of(65535), shape: [1] },
      f64: { data: Float64Array.of(Number.MIN_VALUE, Number.MAX_VALUE), shape: [2] },
      none: { data: new Float32Array(0), shape: [3, 0, 2] },
      u32: { data: Uint32Array.of(2 ** 32 - 1), shape: [1] },
      i32: { data: Int32Array.of(-(2 ** 31)), shape: [1] },
      i16: { data: Int16Array.of(-32768), shape: [1] },
    };
    const file = writeSafetensors(arrays);
    const { tensors, read } = openSafetensors(file);
    expect(tensors.size).toBe(10);
    for (const [name, { data, shape }] of Object.entries(arrays)) {
      expect(shown(read(name))).toEqual([name === "none" ? "f32" : name, shape, data]);
    }
    const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start))) as Record<
      string,
      { data_offsets: number[] }
    >;
    for (const [name, { data }] of Object.entries(arrays)) {
      expect((start + header[name]!.data_offsets[0]!) % data.BYTES_PER_ELEMENT, name).toBe(0);
    }
  });
  test("no tensors, and metadata", () => {
    const { tensors, metadata } = openSafetensors(writeSafetensors({}, { metadata: { ü: "ö\n" } }));
    expect([tensors.size, metadata]).toEqual([0, { ü: "ö\n" }]);
    expect(openSafetensors(writeSafetensors({})).metadata).toEqual({});
  });
});

const one = { data: Float32Array.of(1), shape: [1] };
const refused: readonly (readonly [
  string,
  () => unknown,
  abstract new (...args: never[]) => Error,
  RegExp,
])[] = [
  [
    "no array",
    () => writeNpy(undefined as never),
    ShapeError,
    /^array: expected \{ data, shape \}, got undefined/,
  ],
  [
    "no typed array",
    () => writeNpy({ data: [1] as never, shape: [1] }),
    DtypeError,
    /^array\.data: .*got \[1\]/,
  ],
  [
    "a clamped array",
    () => writeNpy({ data: new Uint8ClampedArray(1) as never, shape: [1] }),
    DtypeError,
    /Uint8Clamped/,
  ],
  [
    "no shape",
    () => writeNpy({ data: Float32Array.of(1), shape: 1 as never }),
    ShapeError,
    /^array\.shape: .*got 1$/,
  ],
  ["a size of −1", () => writeNpy({ ...one, shape: [-1, -1] }), ShapeError, /whole numbers, got \[-1, -1\]/],
  [
    "too few",
    () => writeNpy({ ...one, shape: [2] }),
    ShapeError,
    /expected 1 elements, as data has, got \[2\]/,
  ],
  [
    "an unknown dtype",
    () => writeNpy({ ...one, dtype: "f8" as never }),
    DtypeError,
    /expected f32, f64, f16, bf16, got "f8"/,
  ],
  [
    "integers as f32",
    () => writeNpy({ data: Int32Array.of(1), shape: [1], dtype: "f32" }),
    DtypeError,
    /expected i32, got "f32"/,
  ],
  [
    "a bool of 2",
    () => writeNpy({ data: Uint8Array.of(2), shape: [1], dtype: "bool" }),
    ValueError,
    /0 and 1.*got 2/,
  ],
  ["no tensors", () => writeSafetensors(null as never), ValueError, /^tensors: /],
  [
    "the metadata's name",
    () => writeSafetensors({ __metadata__: one }),
    ValueError,
    /__metadata__, got "__metadata__"/,
  ],
  [
    "a name twice",
    () =>
      writeSafetensors([
        ["a", one],
        ["a", one],
      ]),
    ValueError,
    /different strings.*got "a"/,
  ],
  ["half a character", () => writeSafetensors({ "\ud800": one }), ValueError, /^tensors: /],
  [
    "a tensor that does not fit",
    () => writeSafetensors({ a: { ...one, shape: [], data: new Float32Array(2) } }),
    ShapeError,
    /^tensors\["a"\]\.shape: /,
  ],
  [
    "metadata of numbers",
    () => writeSafetensors({}, { metadata: { a: 1 as never } }),
    ValueError,
    /^metadata: /,
  ],
  [
    "reading a string",
    () => readNpy("k.npy" as never),
    ValueError,
    /^input: expected a Uint8Array.*got "k\.npy"/,
  ],
  ["reading an array of floats", () => openSafetensors(one.data as never), ValueError, /^input: /],
];
test.each(refused)("refused: %s", (_, call, Class, message) => {
  expect(call).toThrow(Class);
  expect(call).toThrow(message);
});
