import { checkAllocation } from "./allocation.js";
import type { Supports } from "./backend.js";
import { DtypeError, ShapeError, ValueError } from "./errors.js";
import { describe } from "./describe.js";
import { entryStart, isContiguous } from "./layout.js";
import {
  elementCount,
  newFloatArray,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type HostView,
  type Shape,
} from "./tensor.js";

/** A checked view: where its elements lie is known to be inside its buffer. */
export interface PackableView {
  readonly data: FloatArray;
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly strides: readonly [number, number, number];
  readonly offset: number;
  readonly contiguous: boolean;
}

/** dtype of a typed array, of any realm. @throws DtypeError */
export function dtypeOf(argument: string, data: unknown): Dtype {
  const tag = Object.prototype.toString.call(data);
  if (ArrayBuffer.isView(data) && tag === "[object Float32Array]") return "f32";
  if (ArrayBuffer.isView(data) && tag === "[object Float64Array]") return "f64";
  throw new DtypeError(argument, "a Float32Array or Float64Array", describe(data));
}

/**
 * Everything an `upload` must know before it allocates.
 * @throws ShapeError for a shape, stride or offset that is not integral or reaches past the buffer (a detached
 * buffer has length 0); DtypeError, UnsupportedError, LimitError as `checkAllocation`.
 */
export function checkView(view: HostView, supports: Supports): PackableView {
  if (typeof view !== "object" || view === null) throw new ValueError("view", "a HostView", describe(view));
  const dtype = dtypeOf("view.data", view.data);
  checkAllocation("view", view.shape, dtype, supports);
  const { shape, data, offset = 0 } = view;
  const dense = [shape[1] * shape[2], shape[2], 1] as const;
  const strides = view.strides ?? dense;
  if (!Array.isArray(strides) || strides.length !== 3 || !strides.every(Number.isSafeInteger)) {
    throw new ShapeError("view.strides", "three integers", describe(view.strides));
  }
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new ShapeError("view.offset", "an integer ≥ 0", describe(offset));
  }
  if (elementCount(shape) > 0) checkReach(shape, strides, offset, data.length);
  const contiguous = shape.every((size, axis) => size <= 1 || strides[axis] === dense[axis]);
  return { data, dtype, shape: [shape[0], shape[1], shape[2]], strides, offset, contiguous };
}

function checkReach(shape: Shape, strides: readonly number[], offset: number, length: number): void {
  let first = offset;
  let last = offset;
  for (let axis = 0; axis < 3; axis++) {
    const span = (shape[axis]! - 1) * strides[axis]!;
    if (span < 0) first += span;
    else last += span;
  }
  if (first < 0 || last >= length) {
    throw new ShapeError("view.data", `a buffer holding elements ${first} to ${last}`, `${length} elements`);
  }
}

/** Copies a checked view, row-major, into `into` (fresh by default). */
export function packView(
  view: PackableView,
  into: FloatArray = newFloatArray(view.dtype, elementCount(view.shape)),
): FloatArray {
  const { data, shape, strides, offset } = view;
  if (view.contiguous) {
    into.set(data.subarray(offset, offset + elementCount(shape)));
    return into;
  }
  const [batch, rows, cols] = shape;
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < rows; i++) {
      const row = offset + b * strides[0] + i * strides[1];
      for (let j = 0; j < cols; j++) into[at++] = data[row + j * strides[2]]!;
    }
  }
  return into;
}

/** The elements of a host tensor in row-major order, in a fresh array: what `read` gives. */
export function readView({ data, dtype, shape, layout }: HostTensor): FloatArray {
  const count = elementCount(shape);
  const into = newFloatArray(dtype, count);
  if (isContiguous({ shape, layout })) {
    into.set(data.subarray(layout.offset, layout.offset + count));
    return into;
  }
  const [batch, rows, cols] = shape;
  let at = 0;
  for (let entry = 0; entry < batch; entry++) {
    for (let i = 0, row = entryStart(layout, entry); i < rows; i++, row += layout.row, at += cols) {
      for (let j = 0; j < cols; j++) into[at + j] = data[row + j]!;
    }
  }
  return into;
}
