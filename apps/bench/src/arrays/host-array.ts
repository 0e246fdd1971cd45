import { MAX_ELEMENTS, type FloatArray } from "@dlrt/core";

/** A file's array, row-major. */
export interface HostArray {
  readonly shape: readonly number[];
  readonly data: FloatArray;
}

/** The file is not what its format says, or holds what this reader does not take. The message says which and where. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** Elements of a shape. @throws FormatError on a size that is no whole number, or a product beyond what a tensor holds */
export function countOf(what: string, shape: readonly unknown[]): number {
  let count = 1;
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      throw new FormatError(`${what}: a size is ${String(size)}, not a whole number`);
    }
    // Zeros elsewhere in the shape must not hide a product that overflows.
    count *= Math.max(size, 1);
    if (count > MAX_ELEMENTS) {
      throw new FormatError(`${what}: shape (${shape.join(", ")}) has more than ${MAX_ELEMENTS} elements`);
    }
  }
  return shape.includes(0) ? 0 : count;
}
