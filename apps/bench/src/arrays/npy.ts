import {
  float16,
  float32,
  float64,
  int16,
  int32,
  int8,
  readElements,
  uint16,
  uint32,
  uint8,
  type ElementType,
} from "./element-types.js";
import { countOf, type HostArray } from "./host-array.js";
import { fail, type Source } from "./source.js";
import { MAX_ELEMENTS, type FloatArray } from "@dlrt/core";

/**
 * Reads NumPy's .npy, versions 1.0 to 3.0 (numpy.lib.format): magic, version, header length, a Python dict with
 * descr, fortran_order and shape, then the elements.
 */

const MAGIC = "\u0093NUMPY";
/** numpy.lib.format refuses longer ones too. */
const MAX_HEADER = 10_000;

const TYPES: ReadonlyMap<string, ElementType> = new Map(
  Object.entries({
    f8: float64,
    f4: float32,
    f2: float16,
    i4: int32,
    u4: uint32,
    i2: int16,
    u2: uint16,
    i1: int8,
    u1: uint8,
    b1: uint8,
  }),
);

interface Header {
  readonly type: ElementType;
  readonly little: boolean;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly start: number;
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Where the header lies. */
function frame(source: Source): { from: number; length: number } {
  if (source.size < 12)
    fail(source, `the file ends after ${source.size} bytes, in the preamble of a .npy file`);
  const bytes = source.read(0, 12);
  if (text(bytes.subarray(0, 6)) !== MAGIC)
    fail(source, "the file does not begin with \\x93NUMPY, as .npy files do");
  const [major, minor] = [bytes[6]!, bytes[7]!];
  if (major < 1 || major > 3 || minor !== 0) {
    fail(source, `.npy version ${major}.${minor}, expected 1.0, 2.0 or 3.0`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [from, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > MAX_HEADER) fail(source, `a header of ${length} bytes, at most ${MAX_HEADER} expected`);
  if (from + length > source.size) fail(source, `the file ends after ${source.size} bytes, in the header`);
  return { from, length };
}

/** What a value of the header's dict may be: the text of a string, True or False, the inside of a tuple, anything else. */
interface Value {
  readonly string?: string;
  readonly truth?: string;
  readonly tuple?: string;
  readonly other?: string;
}

const ENTRY =
  /^\s*(['"])(?<key>descr|fortran_order|shape)\1\s*:\s*(?:(['"])(?<string>[^'"\\]*)\3|(?<truth>True|False)|\((?<tuple>[\d\s,L]*)\)|(?<other>[^,}]*))\s*(?:,|$)/;

/** The dict literal, of which only the three entries are understood. */
function dict(source: Source, header: string): Map<string, Value> {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(header)?.[1];
  if (inner === undefined) fail(source, "the header is no dict");
  const found = new Map<string, Value>();
  let rest = inner;
  while (rest.trim() !== "") {
    const entry = ENTRY.exec(rest);
    if (entry === null) fail(source, `not understood in the header: ${rest.trim().slice(0, 40)}`);
    const { key, ...value } = entry.groups!;
    if (found.has(key!)) fail(source, `${key} stands twice in the header`);
    found.set(key!, value);
    rest = rest.slice(entry[0].length);
  }
  return found;
}

/** Python 2 wrote long integers: (20L, 30L). */
function shapeOf(source: Source, list: string): number[] {
  const parts = list.split(",").map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop();
  // "(3)" is a number in Python, not a tuple.
  if (parts.some((part) => !/^\d+L?$/.test(part)) || (parts.length === 1 && !list.includes(","))) {
    fail(source, `the shape is (${list}), not a tuple of whole numbers`);
  }
  return parts.map((part) => Number(part.replace("L", "")));
}

const TAKEN = [...TYPES.keys()].join(", ");

function typeOf(source: Source, { string, other }: Value = {}): { type: ElementType; little: boolean } {
  const [, order, name = ""] = /^([<>|])([a-z]\d+)$/.exec(string ?? "") ?? [];
  const type = TYPES.get(name);
  if (type !== undefined && (order !== "|" || type.bytes === 1)) return { type, little: order !== ">" };
  const why = /^[iu]8$/.test(name) ? " (no float holds all 64-bit integers)" : "";
  return fail(
    source,
    `descr is ${string ?? other ?? "missing"}, which is not taken${why}; taken are ${TAKEN} with < or > before ` +
      `them, as in <f4: save the array with .astype("f4") or .astype("f8")`,
  );
}

function parseHeader(source: Source): Header {
  const { from, length } = frame(source);
  const entries = dict(source, text(source.read(from, length)));
  const { truth } = entries.get("fortran_order") ?? {};
  if (truth === undefined) fail(source, "fortran_order is neither True nor False");
  const { tuple } = entries.get("shape") ?? {};
  if (tuple === undefined) fail(source, "shape is no tuple");
  return {
    ...typeOf(source, entries.get("descr")),
    fortran: truth === "True",
    shape: shapeOf(source, tuple),
    start: from + length,
  };
}

/** Column-major to row-major, any number of axes. */
function toRowMajor(data: FloatArray, shape: readonly number[]): FloatArray {
  const to = data.slice();
  const index = shape.map(() => 0);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1));
  for (let t = 0; t < data.length; t++) {
    let from = 0;
    for (let axis = 0; axis < shape.length; axis++) from += index[axis]! * strides[axis]!;
    to[t] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = index[axis]! + 1;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return to;
}

/**
 * The array of a .npy file: f4, f8 as they are; f2 and small integers in the float that holds them exactly.
 * @throws FormatError
 */
export function parseNpy(source: Source): HostArray {
  const { type, little, fortran, shape, start } = parseHeader(source);
  const from = source.name;
  const count = countOf(from, shape, MAX_ELEMENTS);
  const [have, need] = [source.size - start, count * type.bytes];
  if (have !== need) {
    const fault = have < need ? "ends early" : "goes on after the last element";
    fail(source, `the file ${fault}: shape (${shape.join(", ")}) needs ${need} bytes, there are ${have}`);
  }
  const data = readElements(source, start, type, count, { little, what: from });
  return { from, shape, data: fortran && shape.length > 1 ? toRowMajor(data, shape) : data };
}
