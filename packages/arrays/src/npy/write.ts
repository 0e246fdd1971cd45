import { DtypeError } from "@dlrt/core";
import { bytesOf, checkBooleans, writeElements } from "../elements.js";
import { checkArray, type ArrayToWrite, type ElementType } from "../nd-array.js";
import { MAGIC, TYPES } from "./header.js";

/** The elements begin at a multiple of this, in bytes, as numpy has it. */
const ALIGNMENT = 64;

function descrOf(dtype: ElementType): string {
  const name = [...TYPES].find(([, type]) => type === dtype)?.[0];
  if (name === undefined) {
    throw new DtypeError(
      "array.dtype",
      "one that .npy files have, f32 or f16 instead",
      JSON.stringify(dtype),
    );
  }
  return `${bytesOf[dtype] === 1 ? "|" : "<"}${name}`;
}

/**
 * Returns the bytes of a .npy file of version 1.0, little-endian and row-major, which `numpy.load` reads.
 * @throws ShapeError, DtypeError (bf16 among them, which numpy has not), ValueError
 */
export function writeNpy(array: ArrayToWrite): Uint8Array {
  const { data, shape, dtype } = checkArray("array", array);
  checkBooleans("array", data, dtype);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${descrOf(dtype)}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const start = Math.ceil((10 + dict.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = `${dict.padEnd(start - 11)}\n`;
  const bytes = new Uint8Array(start + data.length * bytesOf[dtype]);
  const preamble = `${MAGIC}\u0001\u0000${String.fromCharCode(header.length & 255, header.length >> 8)}`;
  for (let i = 0; i < start; i++) bytes[i] = (preamble + header).charCodeAt(i);
  writeElements(bytes.subarray(start), data, dtype);
  return bytes;
}
