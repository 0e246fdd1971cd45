import { bytesOf, readElements } from "../elements.js";
import { countOf } from "../format-error.js";
import type { Data, NdArray } from "../nd-array.js";
import { fail, sourceOf, type Input } from "../source.js";
import { parseHeader } from "./header.js";

/** Returns column-major elements in row-major order, of any number of axes. */
function toRowMajor(data: Data, shape: readonly number[]): Data {
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
 * Reads a .npy file, of versions 1.0 to 3.0 of the format, in either byte order, row- or column-major. The array comes out row-major. f2
 * becomes a Float32Array and every other type the typed array of its own kind, with every element as it was.
 * @param name is what messages call the file
 * @throws FormatError, before anything is allocated, where it is no .npy file, its header is not understood, its dtype is not taken
 * (complex numbers, strings, records, objects), or it has too few or too many bytes; ValueError where `input` is something else
 */
export function readNpy(input: Input, name = "the array"): NdArray {
  const source = sourceOf(input, name);
  const { type, little, fortran, shape, start } = parseHeader(source);
  const what = source.name;
  const count = countOf(what, shape);
  const [have, need] = [source.size - start, count * bytesOf[type]];
  if (have !== need) {
    const fault = have < need ? "ends early" : "goes on after the last element";
    fail(source, `the file ${fault}: shape (${shape.join(", ")}) needs ${need} bytes, there are ${have}`);
  }
  const data = readElements(source, { position: start, type, count, little, what });
  return {
    dtype: type,
    shape,
    data: fortran && shape.length > 1 ? toRowMajor(data, shape) : data,
  } as NdArray;
}
