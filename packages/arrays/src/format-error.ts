/** The file is not what its format says, or holds what this reader does not take. The message says which file and where in it. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/**
 * Returns the number of elements of a shape that a file states.
 * @throws FormatError on a size that is no whole number, or a product that no double holds exactly
 */
export function countOf(what: string, shape: readonly unknown[]): number {
  let count = 1;
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      throw new FormatError(`${what}: a size is ${String(size)}, expected a whole number`);
    }
    // Zeros elsewhere in the shape must not hide a product that overflows.
    count *= Math.max(size, 1);
    if (count > Number.MAX_SAFE_INTEGER) {
      throw new FormatError(`${what}: shape (${shape.join(", ")}) has more than 2^53 - 1 elements`);
    }
  }
  return shape.includes(0) ? 0 : count;
}
