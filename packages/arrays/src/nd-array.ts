import { DtypeError, ShapeError } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";

/** How an element lies in a file. "bool" is a byte, 0 or 1. */
export type ElementType =
  | "f64"
  | "f32"
  | "f16"
  | "bf16"
  | "i64"
  | "i32"
  | "i16"
  | "i8"
  | "u64"
  | "u32"
  | "u16"
  | "u8"
  | "bool";

/** The array that holds each element type exactly. */
export interface DataOf {
  f64: Float64Array;
  f32: Float32Array;
  f16: Float32Array;
  bf16: Float32Array;
  i64: BigInt64Array;
  i32: Int32Array;
  i16: Int16Array;
  i8: Int8Array;
  u64: BigUint64Array;
  u32: Uint32Array;
  u16: Uint16Array;
  u8: Uint8Array;
  bool: Uint8Array;
}

export type Data = DataOf[ElementType];

/** An array as a file held it: `dtype` tells what `data` is, so that `if (a.dtype === "i64")` makes it a BigInt64Array. */
export type NdArray = {
  [type in ElementType]: {
    readonly dtype: type;
    /** Row-major; no sizes are a single number. */
    readonly shape: readonly number[];
    readonly data: DataOf[type];
  };
}[ElementType];

/** An array to be written. */
export interface ArrayToWrite {
  /** The elements, row-major. */
  readonly data: Data;
  readonly shape: readonly number[];
  /**
   * Default: as `data` is. Float32Array and Float64Array can become any of "f64", "f32", "f16", "bf16", rounded to the nearest
   * once, ties to even; a Uint8Array of 0 and 1 can become "bool".
   */
  readonly dtype?: ElementType | undefined;
}

/** The class that holds each element type. Of types that share one, the first is what its arrays are written as. */
export const CLASSES: { readonly [type in ElementType]: new (length: number) => DataOf[type] } = {
  f64: Float64Array,
  f32: Float32Array,
  f16: Float32Array,
  bf16: Float32Array,
  i64: BigInt64Array,
  i32: Int32Array,
  i16: Int16Array,
  i8: Int8Array,
  u64: BigUint64Array,
  u32: Uint32Array,
  u16: Uint16Array,
  u8: Uint8Array,
  bool: Uint8Array,
};

const TYPES = Object.keys(CLASSES) as ElementType[];

const FLOATS: readonly ElementType[] = ["f64", "f32", "f16", "bf16"];

/** Returns the element types as which a typed array may be written; the first is the default. */
function typesOf(data: Data): readonly ElementType[] {
  const own = TYPES.find((type) => data instanceof CLASSES[type]);
  if (own === undefined) return [];
  if (FLOATS.includes(own)) return [own, ...FLOATS.filter((type) => type !== own)];
  return own === "u8" ? ["u8", "bool"] : [own];
}

/** Checks an array that is to be written, and fills in its dtype. @param what is what messages call it @throws ShapeError, DtypeError */
export function checkArray(
  what: string,
  array: ArrayToWrite,
): { data: Data; shape: readonly number[]; dtype: ElementType } {
  if (typeof array !== "object" || array === null) {
    throw new ShapeError(what, "{ data, shape }", describe(array));
  }
  const { data, shape } = array;
  const types = typesOf(data);
  if (types.length === 0) throw new DtypeError(`${what}.data`, "a typed array of numbers", describe(data));
  const dtype = array.dtype ?? types[0]!;
  if (!types.includes(dtype)) throw new DtypeError(`${what}.dtype`, types.join(", "), describe(array.dtype));
  const whole = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!whole) throw new ShapeError(`${what}.shape`, "whole numbers", describe(shape));
  const count = shape.reduce((a, b) => a * b, 1);
  if (count !== data.length) {
    throw new ShapeError(`${what}.shape`, `${data.length} elements, as data has`, `[${shape.join(", ")}]`);
  }
  return { data, shape, dtype };
}
