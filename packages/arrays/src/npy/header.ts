import type { ElementType } from "../nd-array.js";
import { fail, readBytes, type Source } from "../source.js";

/** The header of a .npy file, versions 1.0 to 3.0 (numpy.lib.format): magic, version, length, then a Python dict of three entries. */
export interface Header {
  readonly type: ElementType;
  readonly little: boolean;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin, in bytes. */
  readonly start: number;
}

export const MAGIC = "\u0093NUMPY";
/** The most bytes of a header. numpy.lib.format refuses longer ones too. */
const MAX_HEADER = 10_000;

/** The names that numpy has for the element types, after the sign of the byte order. */
export const TYPES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["f8", "f64"],
  ["f4", "f32"],
  ["f2", "f16"],
  ["i8", "i64"],
  ["i4", "i32"],
  ["i2", "i16"],
  ["i1", "i8"],
  ["u8", "u64"],
  ["u4", "u32"],
  ["u2", "u16"],
  ["u1", "u8"],
  ["b1", "bool"],
]);

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Returns where the header's text begins and how long it is, in bytes. */
function frame(source: Source): { from: number; length: number } {
  if (source.size < 12)
    fail(source, `the file ends after ${source.size} bytes, in the preamble of a .npy file`);
  const bytes = readBytes(source, 0, 12);
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

/** A value of the header's dict: the text of a string, True or False, the inside of a tuple, or anything else. */
interface Value {
  readonly string?: string;
  readonly truth?: string;
  readonly tuple?: string;
  readonly other?: string;
}

const ENTRY =
  /^\s*(['"])(?<key>descr|fortran_order|shape)\1\s*:\s*(?:(['"])(?<string>[^'"\\]*)\3|(?<truth>True|False)|\((?<tuple>[\d\s,L]*)\)|(?<other>[^,}]*))\s*(?:,|$)/;

/** Reads the dict literal, in which only the three entries are understood. */
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

/** Reads the inside of a tuple of integers, which Python 2 wrote as (20L, 30L). */
function shapeOf(source: Source, list: string): number[] {
  const parts = list.split(",").map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop();
  // "(3)" is a number in Python, not a tuple.
  if (parts.some((part) => !/^\d+L?$/.test(part)) || (parts.length === 1 && !list.includes(","))) {
    fail(source, `the shape is (${list}), expected a tuple of whole numbers`);
  }
  return parts.map((part) => Number(part.replace("L", "")));
}

function typeOf(source: Source, { string, other }: Value = {}): { type: ElementType; little: boolean } {
  const [, order, name = ""] = /^([<>|])([a-z]\d+)$/.exec(string ?? "") ?? [];
  const type = TYPES.get(name);
  if (type !== undefined && (order !== "|" || name.endsWith("1"))) return { type, little: order !== ">" };
  return fail(
    source,
    `descr is ${string ?? other ?? "missing"}, which is not taken; taken are ${[...TYPES.keys()].join(", ")} with < or > before ` +
      `them, as in <f4: save the array with .astype("f4") or .astype("f8")`,
  );
}

/** Reads and checks the header of a .npy file. @throws FormatError */
export function parseHeader(source: Source): Header {
  const { from, length } = frame(source);
  const entries = dict(source, text(readBytes(source, from, length)));
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
