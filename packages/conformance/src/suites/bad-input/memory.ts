/** Wrong calls of what the author of a backend writes: `empty` and `upload`. */
import {
  DtypeError,
  LimitError,
  ShapeError,
  UnsupportedError,
  ValueError,
  type Backend,
  type Dtype,
  type FloatArray,
  type HostView,
} from "@dlrt/core";
import { wrongly, type Fixture, type Wrong } from "./fixture.js";

export function wrongAllocations({ backend, dtype }: Fixture): Wrong[] {
  const empty =
    (shape: unknown, of: unknown = dtype) =>
    () =>
      backend.empty(wrongly(shape), wrongly(of));
  return [
    ["empty with a negative size", ShapeError, empty([1, -1, 1])],
    ["empty with a fractional size", ShapeError, empty([1, 1.5, 1])],
    ["empty with NaN for a size", ShapeError, empty([NaN, 1, 1])],
    ["empty with two sizes", ShapeError, empty([1, 1])],
    ["empty with no shape", ShapeError, empty(undefined)],
    ["empty of 2³¹ elements", LimitError, empty([1, 2 ** 16, 2 ** 15])],
    ["empty of 2⁵³ − 1 rows", LimitError, empty([1, 2 ** 53 - 1, 1])],
    ["empty past the limit that the backend states", LimitError, empty([1, 1, justPast(backend, dtype)])],
    ["empty of an unknown dtype", UnsupportedError, empty([1, 1, 1], "f16x")],
  ];
}

function justPast({ supports }: Backend, dtype: Dtype): number {
  return Math.min(2 ** 31, Math.floor(supports.limits.tensorBytes / (dtype === "f32" ? 4 : 8)) + 1);
}

/** Returns the array after its buffer was transferred to somebody else: its length is 0, and `instanceof` still holds. */
function detached(array: FloatArray): FloatArray {
  const { structuredClone } = globalThis as unknown as {
    structuredClone: (value: unknown, options: { transfer: unknown[] }) => unknown;
  };
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

export function wrongViews(fixture: Fixture): Wrong[] {
  const { backend } = fixture;
  const data = fixture.array(12);
  const upload = (view: unknown) => () => backend.upload(wrongly(view));
  const of = (view: Partial<HostView>) => upload({ data, shape: [1, 3, 4], ...view });
  return [
    ["upload of a buffer one element short", ShapeError, of({ data: fixture.array(11) })],
    ["upload with an offset past the end", ShapeError, of({ offset: 1 })],
    ["upload with a negative offset", ShapeError, of({ offset: -1 })],
    ["upload with a fractional offset", ShapeError, of({ offset: 0.5 })],
    ["upload with a stride past the end", ShapeError, of({ strides: [12, 5, 1] })],
    ["upload of a reversed view without its offset", ShapeError, of({ strides: [12, 4, -1] })],
    ["upload of a reversed view one element off", ShapeError, of({ strides: [0, -4, 1], offset: 7 })],
    ["upload with a fractional stride", ShapeError, of({ strides: [12, 4, 0.5] })],
    ["upload with two strides", ShapeError, of({ strides: wrongly([4, 1]) })],
    ["upload of a detached buffer", ShapeError, of({ data: detached(fixture.array(12)) })],
    ["upload with a wrong shape", ShapeError, of({ shape: [1, -3, 4] })],
    [
      "upload of 2³¹ elements by broadcast",
      LimitError,
      of({ shape: [1, 2 ** 16, 2 ** 15], strides: [0, 0, 0] }),
    ],
    ["upload of a plain array", DtypeError, of({ data: wrongly([1, 2, 3]) })],
    ["upload of an Int32Array", DtypeError, of({ data: wrongly(new Int32Array(12)) })],
    ["upload of a DataView", DtypeError, of({ data: wrongly(new DataView(new ArrayBuffer(48))) })],
    ["upload of an ArrayBuffer", DtypeError, of({ data: wrongly(new ArrayBuffer(48)) })],
    ["upload of nothing", ValueError, upload(undefined)],
  ];
}
