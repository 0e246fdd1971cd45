/** What `upload` and `empty` refuse of the memory that a caller describes, and what they make of views that they take. */
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  DtypeError,
  inverse,
  LimitError,
  ShapeError,
  UnsupportedError,
  ValueError,
  type HostTensor,
  type Shape,
} from "../src/index.js";
import { any, expectRefused, Refusals, type ErrorClass } from "./refusals.js";
import { SpyBackend } from "./spy-backend.js";

let refusals: Refusals;
let backend: SpyBackend;

beforeEach(() => {
  refusals = new Refusals();
  backend = refusals.backend;
});
afterEach(() => backend.dispose());

const refuses = (call: () => unknown, error: ErrorClass, argument: string): void =>
  expectRefused(refusals, call, error, argument);

const data = new Float32Array(24);
const shape: Shape = [2, 3, 4];

test("shapes, strides and offsets that are none", () => {
  for (const bad of [[2, 3], [2, 3, -4], [2, 3, 1.5], [2, 3, Number.NaN], "234", null]) {
    refuses(() => backend.upload({ data, shape: any(bad) }), ShapeError, "view.shape");
    refuses(() => backend.empty(any(bad)), ShapeError, "tensor.shape");
  }
  refuses(() => backend.upload({ data, shape, strides: any([12, 4]) }), ShapeError, "view.strides");
  refuses(() => backend.upload({ data, shape, strides: [12, 4, 0.5] }), ShapeError, "view.strides");
  refuses(() => backend.upload({ data, shape, offset: -1 }), ShapeError, "view.offset");
  refuses(() => backend.upload(any(null)), ValueError, "view");
});

test("views that reach past their buffer", () => {
  refuses(() => backend.upload({ data, shape: [2, 3, 5] }), ShapeError, "view.data");
  refuses(() => backend.upload({ data, shape, offset: 1 }), ShapeError, "view.data");
  refuses(() => backend.upload({ data, shape, strides: [12, 4, -1] }), ShapeError, "view.data");
  refuses(() => backend.upload({ data, shape, strides: [12, 5, 1] }), ShapeError, "view.data");
  const detached = new Float32Array(24);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  refuses(() => backend.upload({ data: detached, shape }), ShapeError, "view.data");
});

test("arrays that are none, or of the wrong kind", () => {
  for (const bad of [[1, 2, 3], new Int32Array(24), new DataView(new ArrayBuffer(96)), undefined]) {
    refuses(() => backend.upload({ data: any(bad), shape }), DtypeError, "view.data");
  }
  refuses(() => backend.empty(shape, any("f16")), UnsupportedError, "tensor.dtype");
  const single = new SpyBackend({}, "single", { dtypes: ["f32"] });
  expect(() => single.upload({ data: new Float64Array(24), shape })).toThrow(UnsupportedError);
});

test("more than the backend holds: LimitError with the bytes, before anything is allocated", () => {
  refuses(() => backend.empty([1, 65536, 65536]), LimitError, "tensor.shape");
  refuses(() => backend.empty([2 ** 20, 2 ** 20, 2 ** 20], "f64"), LimitError, "tensor.shape");
  refuses(
    () => backend.upload({ data, shape: [1, 2 ** 31, 1], strides: [0, 0, 0] }),
    LimitError,
    "view.shape",
  );
  expect(() => backend.empty([1, 65536, 65536])).toThrow(/got 17179869184 bytes/);
  refuses(() => inverse(backend, operatorOf(65536)), LimitError, "tensor.shape");
});

test("arrays of another realm and over shared memory are taken", () => {
  const foreign = runInNewContext("new Float32Array([1, 2, 3, 4])") as Float32Array;
  expect(foreign instanceof Float32Array).toBe(false);
  expect([...backend.upload({ data: foreign, shape: [1, 2, 2] }).data]).toEqual([1, 2, 3, 4]);
  const shared = new Float64Array(new SharedArrayBuffer(32)).fill(7);
  expect([...backend.upload({ data: shared, shape: [1, 4, 1] }).data]).toEqual([7, 7, 7, 7]);
});

test("strided, reversed, offset and broadcast views are packed", () => {
  const source = Float32Array.from({ length: 24 }, (_, i) => i);
  const read = (strides: [number, number, number], offset: number, as: Shape): number[] => [
    ...backend.upload({ data: source, shape: as, strides, offset }).data,
  ];
  expect(read([12, 1, 4], 0, [1, 4, 3])).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
  expect(read([-12, -4, -1], 23, [2, 1, 2])).toEqual([23, 22, 11, 10]);
  expect(read([0, 0, 1], 5, [2, 2, 2])).toEqual([5, 6, 5, 6, 5, 6, 5, 6]);
  expect(read([99, 99, 1], 22, [1, 1, 2])).toEqual([22, 23]);
  expect(read([12, 1, 7], 1, [2, 3, 1])).toEqual([1, 2, 3, 13, 14, 15]);
  expect(read([0, 0, 0], 1e9, [0, 5, 5])).toEqual([]);
});

function operatorOf(size: number): { diag: HostTensor; q: HostTensor; k: HostTensor } {
  return {
    diag: refusals.make([1, size, 1]),
    q: refusals.make([1, size, 1]),
    k: refusals.make([1, size, 1]),
  };
}
