import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FormatError, type HostArray } from "../src/arrays/host-array.js";
import * as npyFile from "../src/arrays/npy.js";
import { openSafetensors } from "../src/arrays/safetensors.js";
import type { Source } from "../src/arrays/source.js";

const folder = join(import.meta.dirname, "fixtures");
const fixture = (name: string): Uint8Array => readFileSync(join(folder, name));

/** Bytes as a file; reading outside them is the reader's fault. */
function source(bytes: Uint8Array): Source {
  return {
    name: "FILE",
    size: bytes.length,
    read(position, length) {
      expect(position).toBeGreaterThanOrEqual(0);
      expect(position + length).toBeLessThanOrEqual(bytes.length);
      return bytes.slice(position, position + length);
    },
  };
}

type Array = Pick<HostArray, "shape" | "data">;

function parseNpy(bytes: Uint8Array): Array {
  const { from, ...array } = npyFile.parseNpy(source(bytes));
  expect(from).toBe("FILE");
  return array;
}

/** Every tensor of the file. */
function parseSafetensors(bytes: Uint8Array): Map<string, Array> {
  const { names, read } = openSafetensors(source(bytes));
  return new Map(
    names.map((name) => {
      const { from, ...array } = read(name)!;
      expect(from).toBe(`FILE: ${JSON.stringify(name)}`);
      return [name, array];
    }),
  );
}

/** What a FormatError says, the file first. */
function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof FormatError && error.message.startsWith("FILE: ")) return error.message;
    throw error;
  }
  return "taken";
}

/** What fixtures/make.py puts at row-major index i. */
function value(i: number, kind: "f" | "i" | "u" | "b"): number {
  const x = ((7 * i) % 23) - 11;
  if (kind === "f") return x / 4;
  if (kind === "b") return x === 0 ? 0 : 1;
  return kind === "u" ? Math.abs(x) : x;
}

const values = (count: number, kind: "f" | "i" | "u" | "b"): number[] =>
  Array.from({ length: count }, (_, i) => value(i, kind));

describe("npy as numpy writes it", () => {
  const names = readdirSync(folder).filter((name) => name.startsWith("c-"));
  test("all types are here", () => expect(names.length).toBe(14));
  for (const name of names) {
    test(`${name}`, () => {
      const { shape, data } = parseNpy(fixture(name));
      expect(shape).toEqual([2, 3, 5]);
      expect(Array.from(data)).toEqual(values(30, name[2] as "f"));
      expect(data).toBeInstanceOf(/f8|[iu]4/.test(name) ? Float64Array : Float32Array);
    });
  }
  test("column-major, three axes and two", () => {
    expect(parseNpy(fixture("fortran-f4.npy"))).toEqual(parseNpy(fixture("c-f4-little.npy")));
    const { shape, data } = parseNpy(fixture("fortran-f8-big.npy"));
    expect([shape, Array.from(data)]).toEqual([[4, 3], values(12, "f")]);
    expect(new TextDecoder().decode(fixture("fortran-f8-big.npy"))).toContain("'fortran_order': True");
  });
  test("versions 2 and 3, no axes, no elements", () => {
    for (const name of ["version-2.npy", "version-3.npy"]) {
      expect(Array.from(parseNpy(fixture(name)).data)).toEqual(values(6, "f"));
    }
    expect(parseNpy(fixture("scalar.npy"))).toEqual({ shape: [], data: new Float64Array([-2.75]) });
    expect(parseNpy(fixture("empty.npy"))).toEqual({ shape: [0, 4], data: new Float32Array(0) });
  });
  test("NaN, infinities, −0, subnormal and largest", () => {
    const special = [Number.NaN, Infinity, -Infinity, -0];
    expect(Array.from(parseNpy(fixture("special.npy")).data)).toEqual([
      ...special,
      Math.fround(1e-45),
      Math.fround(3.4028235e38),
    ]);
    expect(Array.from(parseNpy(fixture("special-f2.npy")).data)).toEqual([
      ...special,
      2 ** -24,
      65504,
      2 ** -14,
    ]);
  });
});

/** A .npy file of version 1.0 with this header. */
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
  expect(parseNpy(npy(header, 8))).toEqual({ shape: [2, 1], data: new Float32Array(2) });
});

describe("npy that must be refused", () => {
  const bad: readonly (readonly [string, Uint8Array, RegExp])[] = [
    [
      "int64",
      fixture("int64.npy"),
      /descr is <i8, which is not taken \(no float holds all 64-bit integers\); taken are f8, f4/,
    ],
    ["complex", fixture("complex.npy"), /descr is <c8/],
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
    ["product overflows", npy(dict("'<f4'", "False", "(65536, 65536, 0)"), 0), /more than/],
    ["huge size", npy(dict("'<f4'", "False", "(99999999999999999999,)"), 0), /not a whole number|more than/],
    ["four bytes short", npy(dict("'<f4'", "False", "(3,)"), 8), /ends early.*needs 12 bytes, there are 8/],
    ["four bytes long", npy(dict("'<f4'", "False", "(3,)"), 16), /goes on/],
    ["unequal quotes", npy(dict("'<f4\"", "False", "(1,)"), 4), /not understood|descr/],
    ["20LL", npy(dict("'<f4'", "False", "(1LL,)"), 4), /tuple/],
    ["machine order", npy(dict("'=f4'", "False", "(1,)"), 4), /descr/],
  ];
  for (const [name, bytes, message] of bad) {
    test(`${name}`, () => {
      expect(refusal(() => parseNpy(bytes))).toMatch(message);
    });
  }
  test("cut at any byte", () => {
    const whole = fixture("fortran-f4.npy");
    for (let end = 0; end < whole.length; end++) {
      expect(() => parseNpy(whole.subarray(0, end)), `${end} bytes`).toThrow(FormatError);
    }
  });
  test("a header length beyond numpy's own limit", () => {
    const bytes = npy(dict("'<f4'", "False", "(1,)").padEnd(10_001), 4);
    expect(() => parseNpy(bytes)).toThrow(/header of 10001 bytes/);
  });
});

test("safetensors as its own library writes them", () => {
  const { names, read } = openSafetensors(source(fixture("numpy.safetensors")));
  const tensors = {
    get(name: string): Array {
      const { from: _, ...array } = read(name)!;
      return array;
    },
  };
  expect([...names].sort()).toEqual(["beta", "flags", "ids", "k", "none", "q", "scalar", "v", "ü "]);
  expect(tensors.get("q")).toEqual({ shape: [1, 4, 3], data: new Float32Array(values(12, "f")) });
  expect(tensors.get("k")).toEqual({ shape: [1, 4, 3], data: new Float64Array(values(12, "f")) });
  expect(tensors.get("v")).toEqual({ shape: [2, 2], data: new Float32Array(values(4, "f")) });
  expect(tensors.get("beta")).toEqual({ shape: [5], data: new Float64Array(values(5, "i")) });
  expect(tensors.get("flags")).toEqual({ shape: [3], data: new Float32Array(values(3, "b")) });
  expect(tensors.get("none")).toEqual({ shape: [0, 2], data: new Float32Array(0) });
  expect(tensors.get("scalar")).toEqual({ shape: [], data: new Float32Array([-2.75]) });
  expect(tensors.get("ü ")).toEqual({ shape: [2], data: new Float32Array(values(2, "u")) });
  expect(refusal(() => read("ids"))).toMatch(/"ids" has dtype I64, which is not taken/);
});

/** A .safetensors file with this header. */
function safetensors(header: string, elementBytes = 0): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + elementBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const tensor = (dtype: string, shape: string, offsets: string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

describe("safetensors by the specification", () => {
  test("a header padded with spaces, elements that do not lie on their size, bfloat16", () => {
    const header = `{"a":${tensor("U8", "[1]", "[0,1]")},"b":${tensor("BF16", "[2]", "[1,5]")}}   `;
    const bytes = safetensors(header, 5);
    bytes.set([7, 0x80, 0x3f, 0x20, 0xc0], bytes.length - 5);
    const tensors = parseSafetensors(bytes);
    expect(Array.from(tensors.get("a")!.data)).toEqual([7]);
    expect(Array.from(tensors.get("b")!.data)).toEqual([1, -2.5]);
  });
  test("dtypes that are not taken, beside one that is", () => {
    const dtypes = ["I64", "U64", "C64", "F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2FNUZ"];
    const others = dtypes.map((dtype, i) => `"${dtype}":${tensor(dtype, "[4]", `[${4 + i},${5 + i}]`)}`);
    const header = `{"a":${tensor("F32", "[1]", "[0,4]")},${others.join(",")}}`;
    const { names, read } = openSafetensors(source(safetensors(header, 4 + dtypes.length)));
    expect(names).toEqual(["a", ...dtypes]);
    expect(read("a")!.data).toEqual(new Float32Array(1));
    expect(read("b")).toBeUndefined();
    for (const dtype of dtypes) {
      expect(refusal(() => read(dtype))).toContain(
        `"${dtype}" has dtype ${dtype}, which is not taken; taken are F64, F32`,
      );
    }
  });
  test("metadata of 9 MB, in one string and in many, with escapes", () => {
    const long = `\\"\\\\${"x".repeat(9_000_000)}\\\\`;
    const many = Array.from({ length: 200_000 }, (_, i) => `"key ${i}":"{\\"a\\": [${i}]}"`);
    for (const metadata of [`{"a":"${long}"}`, `{${many.join(",")}}`]) {
      const header = `{"__metadata__":${metadata},"a" :${tensor("F32", "[1]", "[0,4]")}}`;
      expect([...parseSafetensors(safetensors(header, 4)).keys()]).toEqual(["a"]);
      const twice = header.replace(/\}$/, `,"a":${tensor("F32", "[0]", "[4,4]")}}`);
      expect(refusal(() => parseSafetensors(safetensors(twice, 4)))).toMatch(/"a" stands twice/);
    }
  });
  test("no tensors, and a view into a larger buffer", () => {
    expect(parseSafetensors(safetensors("{}")).size).toBe(0);
    const whole = new Uint8Array([9, 9, 9, ...fixture("user.safetensors"), 9]);
    const shifted = parseSafetensors(whole.subarray(3, whole.length - 1));
    expect(shifted).toEqual(parseSafetensors(fixture("user.safetensors")));
  });

  const f4 = (shape: string, offsets: string): string => `{"a":${tensor("F32", shape, offsets)}}`;
  const bad: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["empty", new Uint8Array(0), /ends after 0 bytes/],
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
    ["unknown dtype, offsets reversed", safetensors(`{"a":${tensor("F4", "[1]", "[4,0]")}}`, 4), /hold -4/],
    ["hole beside an unknown dtype", safetensors(`{"a":${tensor("F4", "[2]", "[1,2]")}}`, 2), /begins at 1/],
    ["shape no list", safetensors(f4("4", "[0,16]"), 16), /no shape/],
    ["size 1.5", safetensors(f4("[1.5]", "[0,6]"), 6), /not a whole number/],
    ["negative size", safetensors(f4("[-1]", "[0,4]"), 4), /not a whole number/],
    ["overflowing product", safetensors(f4("[4294967296,4294967296]", "[0,0]")), /more than/],
    ["offsets reversed", safetensors(f4("[1]", "[4,0]"), 4), /needs 4 bytes, data_offsets hold -4/],
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
    [
      "name twice",
      safetensors(`{"a":${tensor("F32", "[1]", "[0,4]")}, "\\u0061" :${tensor("F32", "[1]", "[0,4]")}}`, 4),
      /twice/,
    ],
  ];
  for (const [name, bytes, message] of bad) {
    test(`refused: ${name}`, () => {
      expect(refusal(() => parseSafetensors(bytes))).toMatch(message);
    });
  }
  test("refused: cut at any byte", () => {
    const whole = fixture("numpy.safetensors");
    for (let end = 0; end < whole.length; end++) {
      expect(() => openSafetensors(source(whole.subarray(0, end))), `${end} bytes`).toThrow(FormatError);
    }
  });
});
