import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FormatError, readNpy, type NdArray } from "../src/index.js";
import { fixture, folder, listOf, refusal, source, values } from "./files.js";

const kinds: Record<string, readonly [string, new (length: number) => object]> = {
  f8: ["f64", Float64Array],
  f4: ["f32", Float32Array],
  f2: ["f16", Float32Array],
  i8: ["i64", BigInt64Array],
  i4: ["i32", Int32Array],
  i2: ["i16", Int16Array],
  i1: ["i8", Int8Array],
  u8: ["u64", BigUint64Array],
  u4: ["u32", Uint32Array],
  u2: ["u16", Uint16Array],
  u1: ["u8", Uint8Array],
  b1: ["bool", Uint8Array],
};

const parse = (bytes: Uint8Array): NdArray => readNpy(source(bytes));

describe("npy as numpy writes it", () => {
  const names = readdirSync(folder).filter((name) => name.startsWith("c-"));
  test("all types are here", () => expect(names.length).toBe(17));
  for (const name of names) {
    test(`${name}`, () => {
      const { dtype, shape, data } = parse(fixture(name));
      expect(shape).toEqual([2, 3, 5]);
      expect(listOf(data)).toEqual(values(30, name[2] as "f"));
      const [expected, Class] = kinds[name.slice(2, 4)]!;
      expect(dtype).toBe(expected);
      expect(data).toBeInstanceOf(Class);
    });
  }
  test("column-major, three axes and two", () => {
    expect(parse(fixture("fortran-f4.npy"))).toEqual(parse(fixture("c-f4-little.npy")));
    const { shape, data } = parse(fixture("fortran-f8-big.npy"));
    expect([shape, listOf(data)]).toEqual([[4, 3], values(12, "f")]);
    expect(new TextDecoder().decode(fixture("fortran-f8-big.npy"))).toContain("'fortran_order': True");
  });
  test("versions 2 and 3, no axes, no elements", () => {
    for (const name of ["version-2.npy", "version-3.npy"]) {
      expect(listOf(parse(fixture(name)).data)).toEqual(values(6, "f"));
    }
    expect(parse(fixture("scalar.npy"))).toEqual({
      dtype: "f64",
      shape: [],
      data: new Float64Array([-2.75]),
    });
    expect(parse(fixture("empty.npy"))).toEqual({ dtype: "f32", shape: [0, 4], data: new Float32Array(0) });
  });
  test("NaN, infinities, −0, subnormal and largest", () => {
    const special = [Number.NaN, Infinity, -Infinity, -0];
    expect(listOf(parse(fixture("special.npy")).data)).toEqual([
      ...special,
      Math.fround(1e-45),
      Math.fround(3.4028235e38),
    ]);
    expect(listOf(parse(fixture("special-f2.npy")).data)).toEqual([...special, 2 ** -24, 65504, 2 ** -14]);
  });
});

/** Makes a .npy file with this header, of version 1.0 unless another is given, and zeros as its elements. */
function npy(header: string, elementBytes = 0, version = 1): Uint8Array {
  const bytes = new Uint8Array(10 + header.length + elementBytes);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  return bytes;
}

const dict = (descr: string, order: string, shape: string): string =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

test.each([
  ["Python 2's long integers", dict("'<f4'", "False", "(2L, 1L)")],
  ["double quotes", dict("'<f4'", "False", "(2, 1)").replaceAll("'", '"')],
])("npy as other writers write it: %s", (_, header) => {
  expect(parse(npy(header, 8))).toEqual({ dtype: "f32", shape: [2, 1], data: new Float32Array(2) });
});

describe("npy that must be refused", () => {
  const bad: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["complex", fixture("complex.npy"), /descr is <c8, which is not taken; taken are f8, f4/],
    ["object", fixture("object.npy"), /descr is \|O/],
    ["record", fixture("record.npy"), /descr|not understood/],
    ["another file", fixture("make.py"), /does not begin/],
    ["version 4", npy(dict("'<f4'", "False", "(0,)"), 0, 4), /version 4\.0/],
    ["no dict", npy("(1, 2)"), /no dict/],
    ["no shape", npy("{'descr': '<f4', 'fortran_order': False, }"), /shape/],
    ["twice", npy("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"), /twice/],
    ["another key", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}"), /not understood/],
    ["order 1", npy(dict("'<f4'", "1", "(1,)"), 4), /fortran_order/],
    ["shape no tuple", npy(dict("'<f4'", "False", "3"), 12), /shape/],
    ["shape (3)", npy(dict("'<f4'", "False", "(3)"), 12), /tuple/],
    ["negative size", npy(dict("'<f4'", "False", "(-3,)"), 12), /shape|not understood/],
    ["product overflows", npy(dict("'<f4'", "False", "(4294967296, 4294967296, 0)"), 0), /more than/],
    [
      "huge size",
      npy(dict("'<f4'", "False", "(99999999999999999999,)"), 0),
      /expected a whole number|more than/,
    ],
    ["four bytes short", npy(dict("'<f4'", "False", "(3,)"), 8), /ends early.*needs 12 bytes, there are 8/],
    ["four bytes long", npy(dict("'<f4'", "False", "(3,)"), 16), /goes on/],
    ["unequal quotes", npy(dict("'<f4\"", "False", "(1,)"), 4), /not understood|descr/],
    ["20LL", npy(dict("'<f4'", "False", "(1LL,)"), 4), /tuple/],
    ["machine order", npy(dict("'=f4'", "False", "(1,)"), 4), /descr/],
  ];
  for (const [name, bytes, message] of bad) {
    test(`${name}`, () => {
      expect(refusal(() => parse(bytes))).toMatch(message);
    });
  }
  test("cut at any byte", () => {
    const whole = fixture("fortran-f4.npy");
    for (let end = 0; end < whole.length; end++) {
      expect(() => parse(whole.subarray(0, end)), `${end} bytes`).toThrow(FormatError);
    }
  });
  test("a header length beyond numpy's own limit", () => {
    const bytes = npy(dict("'<f4'", "False", "(1,)").padEnd(10_001), 4);
    expect(() => parse(bytes)).toThrow(/header of 10001 bytes/);
  });
});
