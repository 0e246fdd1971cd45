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
import { countOf, FormatError, type HostArray } from "./host-array.js";
import type { FloatArray } from "@dlrt/core";

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
function frame(bytes: Uint8Array): { from: number; length: number } {
  if (bytes.length < 10)
    throw new FormatError(`npy: the file ends after ${bytes.length} bytes, in the preamble`);
  if (text(bytes.subarray(0, 6)) !== MAGIC)
    throw new FormatError("npy: the file does not begin with \\x93NUMPY");
  const [major, minor] = [bytes[6]!, bytes[7]!];
  if (major < 1 || major > 3 || minor !== 0) {
    throw new FormatError(`npy: version ${major}.${minor}, expected 1.0, 2.0 or 3.0`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (major > 1 && bytes.length < 12) throw new FormatError("npy: the file ends in the preamble");
  const [from, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > MAX_HEADER)
    throw new FormatError(`npy: a header of ${length} bytes, at most ${MAX_HEADER} expected`);
  if (from + length > bytes.length) {
    throw new FormatError(`npy: the file ends after ${bytes.length} bytes, in the header`);
  }
  return { from, length };
}

const ENTRY =
  /^\s*'(descr|fortran_order|shape)'\s*:\s*(?:'([^'\\]*)'|(True|False)|\(([\d\s,]*)\)|([^,}]*))\s*(,|$)/;

/** The dict literal, of which only the three entries are understood. */
function dict(header: string): Map<string, RegExpExecArray> {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(header)?.[1];
  if (inner === undefined) throw new FormatError("npy: the header is no dict");
  const found = new Map<string, RegExpExecArray>();
  let rest = inner;
  while (rest.trim() !== "") {
    const entry = ENTRY.exec(rest);
    if (entry === null)
      throw new FormatError(`npy: not understood in the header: ${rest.trim().slice(0, 40)}`);
    if (found.has(entry[1]!)) throw new FormatError(`npy: ${entry[1]} stands twice in the header`);
    found.set(entry[1]!, entry);
    rest = rest.slice(entry[0].length);
  }
  return found;
}

function shapeOf(list: string): number[] {
  const parts = list.split(",").map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop();
  // "(3)" is a number in Python, not a tuple.
  if (parts.some((part) => !/^\d+$/.test(part)) || (parts.length === 1 && !list.includes(","))) {
    throw new FormatError(`npy: the shape is (${list}), not a tuple of whole numbers`);
  }
  return parts.map(Number);
}

function parseHeader(bytes: Uint8Array): Header {
  const { from, length } = frame(bytes);
  const entries = dict(text(bytes.subarray(from, from + length)));
  const [descr, order, shape] = ["descr", "fortran_order", "shape"].map((key) => entries.get(key));
  const [, code, name] = /^([<>|=])([a-z]\d+)$/.exec(descr?.[2] ?? "") ?? [];
  const type = name === undefined ? undefined : TYPES.get(name);
  if (type === undefined || (code === "|" && type.bytes > 1) || code === "=") {
    throw new FormatError(
      `npy: descr is ${descr?.[2] ?? descr?.[5] ?? "missing"}, expected one of <f4, >f8, |u1, …`,
    );
  }
  if (order?.[3] === undefined) throw new FormatError("npy: fortran_order is neither True nor False");
  if (shape?.[4] === undefined) throw new FormatError("npy: shape is no tuple");
  return {
    type,
    little: code !== ">",
    fortran: order[3] === "True",
    shape: shapeOf(shape[4]),
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
export function parseNpy(bytes: Uint8Array): HostArray {
  const { type, little, fortran, shape, start } = parseHeader(bytes);
  const count = countOf("npy", shape);
  const [have, need] = [bytes.length - start, count * type.bytes];
  if (have !== need) {
    const fault = have < need ? "ends early" : "goes on after the last element";
    throw new FormatError(
      `npy: the file ${fault}: shape (${shape.join(", ")}) needs ${need} bytes, there are ${have}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, need);
  const data = readElements(view, type, count, little);
  return { shape, data: fortran && shape.length > 1 ? toRowMajor(data, shape) : data };
}
