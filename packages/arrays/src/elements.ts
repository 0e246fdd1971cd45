import { ValueError } from "@dlrt/core";
import { FormatError } from "./format-error.js";
import { narrowBrain, narrowHalf, toOdd, widenBrain, widenHalf } from "./halves.js";
import { CLASSES, type Data, type ElementType } from "./nd-array.js";
import { readBytes, type Source } from "./source.js";

/** How many bytes an element has in a file. */
export const bytesOf: Readonly<Record<ElementType, number>> = {
  ...{ f64: 8, f32: 4, f16: 2, bf16: 2 },
  ...{ i64: 8, i32: 4, i16: 2, i8: 1 },
  ...{ u64: 8, u32: 4, u16: 2, u8: 1, bool: 1 },
};

const widen = { f16: widenHalf, bf16: widenBrain };
const narrow = { f16: narrowHalf, bf16: narrowBrain };
const isHalf = (type: ElementType): type is "f16" | "bf16" => type === "f16" || type === "bf16";

/** Tells whether this machine has the least significant byte first, as every one that runs JavaScript today does. */
const machineIsLittle = (): boolean => new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Reverses the bytes of each element, which has `size` of them. */
function swap(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

/** Returns the bytes of a typed array, without a copy. */
const asBytes = (data: Data): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** How many bytes are read and converted at a time: a whole number of elements of every type. */
const SLICE = 1 << 22;

/** Where elements lie in a file, and what they are. */
export interface Place {
  /** Where the first element begins, in bytes from the start of the file. */
  readonly position: number;
  readonly type: ElementType;
  /** The number of elements. */
  readonly count: number;
  /** Whether the least significant byte of an element comes first. */
  readonly little: boolean;
  /** What messages call the array. */
  readonly what: string;
}

/**
 * Reads elements that lie one after the other, every one exactly as it is in the file.
 * @throws FormatError where they do not fit into memory
 */
export function readElements(source: Source, { position, type, count, little, what }: Place): Data {
  const data = allocate(type, count, what);
  const size = bytesOf[type];
  const most = SLICE / size;
  for (let from = 0; from < count; from += most) {
    const here = Math.min(most, count - from);
    const given = readBytes(source, position + from * size, here * size);
    const into = isHalf(type)
      ? new Uint8Array(here * size)
      : asBytes(data).subarray(from * size, (from + here) * size);
    into.set(given);
    if (size > 1 && little !== machineIsLittle()) swap(into, size);
    if (isHalf(type))
      widenAll(new Uint16Array(into.buffer), new Int32Array(data.buffer, from * 4, here), widen[type]);
    if (type === "bool") into.forEach((byte, i) => (into[i] = byte === 0 ? 0 : 1));
  }
  return data;
}

function widenAll(halves: Uint16Array, into: Int32Array, widen: (half: number) => number): void {
  for (let i = 0; i < halves.length; i++) into[i] = widen(halves[i]!);
}

function allocate(type: ElementType, count: number, what: string): Data {
  try {
    return new CLASSES[type](count);
  } catch (error) {
    throw new FormatError(`${what}: ${count} elements do not fit into memory`, { cause: error });
  }
}

/** Writes elements into a file's bytes, with their least significant byte first. `data` must be of a class that can become `type`. */
export function writeElements(into: Uint8Array, data: Data, type: ElementType): void {
  const stored = isHalf(type) ? narrowed(data, narrow[type]) : sameKind(data, type);
  into.set(asBytes(stored));
  if (!machineIsLittle() && bytesOf[type] > 1) swap(into, bytesOf[type]);
}

/** Rounds floats to a format of 16 bits, once. @param narrow rounds a binary32 that is given by its bits */
function narrowed(data: Data, narrow: (bits: number) => number): Uint16Array {
  const single = data instanceof Float64Array ? toOdd(data) : data;
  const bits = new Int32Array(single.buffer, single.byteOffset, single.length);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = narrow(bits[i]!);
  return halves;
}

/** Returns floats as an array of the width of `type`, and other elements as they are. */
function sameKind(data: Data, type: ElementType): Data {
  if (type === "f32" && !(data instanceof Float32Array)) return new Float32Array(data as Float64Array);
  if (type === "f64" && !(data instanceof Float64Array)) return new Float64Array(data as Float32Array);
  return data;
}

/** @throws ValueError where a byte of a bool is neither 0 nor 1 */
export function checkBooleans(what: string, data: Data, type: ElementType): void {
  const other = type === "bool" ? (data as Uint8Array).find((byte) => byte > 1) : undefined;
  if (other !== undefined)
    throw new ValueError(`${what}.data`, "0 and 1, as its dtype is bool", String(other));
}
