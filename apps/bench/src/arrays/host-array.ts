import type { FloatArray } from "@dlrt/core";

/** A file's array, row-major. */
export interface HostArray {
  /** What messages call it: the file, and where the file holds several arrays, the name within. */
  readonly from: string;
  readonly shape: readonly number[];
  readonly data: FloatArray;
}

/** The file is not what its format says, or holds what this reader does not take. The message says which file and where in it. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** Elements of a shape. @throws FormatError on a size that is no whole number, or a product beyond `most` */
export function countOf(what: string, shape: readonly unknown[], most: number): number {
  let count = 1;
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      throw new FormatError(`${what}: a size is ${String(size)}, not a whole number`);
    }
    // Zeros elsewhere in the shape must not hide a product that overflows.
    count *= Math.max(size, 1);
    if (count > most) {
      throw new FormatError(`${what}: shape (${shape.join(", ")}) has more than ${most} elements`);
    }
  }
  return shape.includes(0) ? 0 : count;
}
