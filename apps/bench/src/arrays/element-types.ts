import type { FloatArray } from "@dlrt/core";
import { FormatError } from "./host-array.js";
import type { Source } from "./source.js";

/** How one element lies in the file, and the typed array that holds it exactly. */
export interface ElementType {
  readonly bytes: number;
  readonly make: (count: number) => FloatArray;
  readonly get: (view: DataView, at: number, little: boolean) => number;
}

const f32 = (count: number): FloatArray => new Float32Array(count);
const f64 = (count: number): FloatArray => new Float64Array(count);

/** IEEE binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new DataView(new ArrayBuffer(4));

/** The upper half of a binary32. */
function brain(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

export const float64: ElementType = { bytes: 8, make: f64, get: (v, at, little) => v.getFloat64(at, little) };
export const float32: ElementType = { bytes: 4, make: f32, get: (v, at, little) => v.getFloat32(at, little) };
export const float16: ElementType = {
  bytes: 2,
  make: f32,
  get: (v, at, little) => half(v.getUint16(at, little)),
};
export const bfloat16: ElementType = {
  bytes: 2,
  make: f32,
  get: (v, at, little) => brain(v.getUint16(at, little)),
};
export const int8: ElementType = { bytes: 1, make: f32, get: (v, at) => v.getInt8(at) };
export const uint8: ElementType = { bytes: 1, make: f32, get: (v, at) => v.getUint8(at) };
export const int16: ElementType = { bytes: 2, make: f32, get: (v, at, little) => v.getInt16(at, little) };
export const uint16: ElementType = { bytes: 2, make: f32, get: (v, at, little) => v.getUint16(at, little) };
export const int32: ElementType = { bytes: 4, make: f64, get: (v, at, little) => v.getInt32(at, little) };
export const uint32: ElementType = { bytes: 4, make: f64, get: (v, at, little) => v.getUint32(at, little) };

/** Bytes that are read and converted at a time; a whole number of elements of every type. */
const SLICE = 1 << 22;

/**
 * Reads `count` elements that lie one after the other from `position` on.
 * @throws FormatError, naming `what`, where they do not fit into memory
 */
export function readElements(
  source: Source,
  position: number,
  type: ElementType,
  count: number,
  options: { readonly little: boolean; readonly what: string },
): FloatArray {
  const data = allocate(type, count, options.what);
  const most = SLICE / type.bytes;
  for (let from = 0; from < count; from += most) {
    const here = Math.min(most, count - from);
    const bytes = source.read(position + from * type.bytes, here * type.bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < here; i++) data[from + i] = type.get(view, i * type.bytes, options.little);
  }
  return data;
}

function allocate(type: ElementType, count: number, what: string): FloatArray {
  try {
    return type.make(count);
  } catch (error) {
    throw new FormatError(`${what}: ${count} elements do not fit into memory`, { cause: error });
  }
}
