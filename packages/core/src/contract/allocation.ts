import { MAX_ELEMENTS, type Supports } from "./backend.js";
import { describe } from "./describe.js";
import { LimitError, ShapeError, UnsupportedError } from "./errors.js";
import { bytesPerElement, byteSize, elementCount, type Dtype, type Shape } from "./tensor.js";

/**
 * The elements are read by index, because `every` passes over the holes of [1, , 2]. A revoked proxy throws wherever it
 * is touched.
 */
function isShape(shape: unknown): boolean {
  try {
    if (!Array.isArray(shape) || shape.length !== 3) return false;
    for (let axis = 0; axis < 3; axis++) {
      if (!(Number.isSafeInteger(shape[axis]) && shape[axis] >= 0)) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/** @throws ShapeError unless three integers ≥ 0 */
export function checkShape(argument: string, shape: unknown): asserts shape is Shape {
  if (!isShape(shape))
    throw new ShapeError(argument, "[batch, rows, cols], three integers ≥ 0", describe(shape));
}

/**
 * Whether a tensor may be made at all, asked before anything is allocated.
 * @throws ShapeError, UnsupportedError (dtype), LimitError (2³¹ − 1 elements, or the backend's bytes)
 */
export function checkAllocation(argument: string, shape: Shape, dtype: Dtype, supports: Supports): void {
  checkShape(`${argument}.shape`, shape);
  if (!supports.dtypes.includes(dtype)) {
    throw new UnsupportedError(`${argument}.dtype`, `one of ${supports.dtypes.join(", ")}`, describe(dtype));
  }
  const limit = Math.min(supports.limits.tensorBytes, MAX_ELEMENTS * bytesPerElement[dtype]);
  if (elementCount(shape) * bytesPerElement[dtype] > limit) {
    throw new LimitError(`${argument}.shape`, byteSize(shape, dtype), limit, shape.join(" × "));
  }
}
