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

/** A view that has been checked: all its elements are known to lie inside its buffer. */
export interface PackableView {
  readonly data: FloatArray;
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly strides: readonly [number, number, number];
  readonly offset: number;
  readonly contiguous: boolean;
}

/**
 * Reads what %TypedArray%.prototype says of an array's memory, because a subclass may define the same names otherwise.
 */
const typedArray = Object.getPrototypeOf(Float32Array.prototype) as object;
const getter = (name: string | symbol): ((this: unknown) => unknown) =>
  Object.getOwnPropertyDescriptor(typedArray, name)!.get!;
const tagOf = getter(Symbol.toStringTag);
const lengthOf = getter("length");
const bufferOf = getter("buffer");
const byteOffsetOf = getter("byteOffset");

/** dtype of a typed array, of any realm. @throws DtypeError */
export function dtypeOf(argument: string, data: unknown): Dtype {
  const tag = tagOf.call(data);
  if (tag === "Float32Array") return "f32";
  if (tag === "Float64Array") return "f64";
  throw new DtypeError(argument, "a Float32Array or Float64Array", describe(data));
}

/**
 * The same memory as an array of this realm and of no subclass: `subarray`, `slice` and `map` make what a subclass's
 * `Symbol.species` says, of another type perhaps.
 * @throws DtypeError
 */
export function plainArray(argument: string, data: unknown): FloatArray {
  const dtype = dtypeOf(argument, data);
  const length = lengthOf.call(data) as number;
  if (length === 0) return newFloatArray(dtype, 0); // detached, perhaps
  const type = dtype === "f32" ? Float32Array : Float64Array;
  return new type(bufferOf.call(data) as ArrayBuffer, byteOffsetOf.call(data) as number, length);
}

/** The parts of a view, each read once. @throws ValueError */
function partsOf(view: HostView): HostView {
  try {
    if (typeof view === "object") {
      const { data, shape, strides, offset } = view;
      return { data, shape, strides, offset };
    }
  } catch {
    // This is a revoked proxy, or no array at all.
  }
  throw new ValueError("view", "a HostView { data, shape }", describe(view));
}

/** By index, as in `checkShape`. */
function areStrides(strides: unknown): strides is readonly [number, number, number] {
  try {
    if (!Array.isArray(strides) || strides.length !== 3) return false;
    return [0, 1, 2].every((axis) => Number.isSafeInteger(strides[axis]));
  } catch {
    return false;
  }
}

/**
 * Everything an `upload` must know before it allocates.
 * @throws ShapeError for a shape, stride or offset that is not integral or reaches past the buffer (a detached
 * buffer has length 0); DtypeError, UnsupportedError, LimitError as `checkAllocation`; ValueError for no view.
 */
export function checkView(view: HostView, supports: Supports): PackableView {
  const { shape, offset = 0, ...given } = partsOf(view);
  const data = plainArray("view.data", given.data);
  const dtype = dtypeOf("view.data", data);
  checkAllocation("view", shape, dtype, supports);
  const dense = [shape[1] * shape[2], shape[2], 1] as const;
  const strides = given.strides === undefined ? dense : given.strides;
  if (!areStrides(strides)) throw new ShapeError("view.strides", "three integers", describe(given.strides));
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
  if (elementCount(shape) === 0) return into; // [1, 2⁵³ − 1, 0] has rows enough for years
  if (view.contiguous) {
    into.set(data.subarray(offset, offset + elementCount(shape)));
    return into;
  }
  const [batch, rows, cols] = shape;
  // Rows that follow one another without gaps are copied at once, and long rows one by one. In short rows copying each
  // element costs less than a call for each row.
  const step = cols > 1 ? strides[2] : 1; // from one column to the next, where there is one
  const dense = step === 1;
  const runs = dense && strides[1] === cols ? 1 : rows;
  const run = (rows * cols) / runs;
  const copies = dense && run >= 16;
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < runs; i++, at += run) {
      const first = offset + b * strides[0] + i * strides[1];
      if (copies) into.set(data.subarray(first, first + run), at);
      else for (let j = 0; j < run; j++) into[at + j] = data[first + j * step]!;
    }
  }
  return into;
}

/** The elements of a host tensor in row-major order, in a fresh array: what `read` gives. */
export function readView({
  data,
  dtype,
  shape,
  layout,
}: Pick<HostTensor, "data" | "dtype" | "shape" | "layout">): FloatArray {
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

/**
 * Writes `from` into an array of the caller's, from its element `at` on.
 * @throws ShapeError where it is too short, as an array is whose memory was transferred elsewhere since it was checked; DtypeError
 */
export function fillArray(argument: string, into: FloatArray, from: FloatArray, at = 0): void {
  const own = plainArray(argument, into);
  const needed = at + from.length;
  if (own.length < needed)
    throw new ShapeError(argument, `${needed} elements or more`, `${own.length} elements`);
  own.set(from, at);
}
