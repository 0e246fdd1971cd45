import { FormatError, type NdArray } from "@dlrt/arrays";
import type { FloatArray } from "@dlrt/core";

/** A file's array, row-major, as floats. */
export interface HostArray {
  /** What error messages call the array: the file, and where the file holds several arrays, the name within. */
  readonly from: string;
  readonly shape: readonly number[];
  readonly data: FloatArray;
}

/** Floats as they are, integers in the smallest float that is exact. @throws FormatError where no float holds them all */
export function floatsOf(from: string, { dtype, shape, data }: NdArray): HostArray {
  if (data instanceof Float32Array || data instanceof Float64Array) return { from, shape, data };
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    throw new FormatError(
      `${from} has dtype ${dtype}, which is not taken: no float holds all 64-bit integers`,
    );
  }
  return { from, shape, data: data.BYTES_PER_ELEMENT < 4 ? new Float32Array(data) : new Float64Array(data) };
}
