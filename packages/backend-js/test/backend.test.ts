import {
  apply,
  DisposedError,
  DtypeError,
  inverse,
  LimitError,
  ShapeError,
  solve,
  ValueError,
  type HostTensor,
  type Layout,
} from "@dlrt/core";
import { expect, test } from "vitest";
import { createJsBackend } from "../src/index.js";

test("memory counts what lives; disposing is idempotent; a disposed backend holds nothing", async () => {
  const backend = createJsBackend();
  const a = backend.empty([2, 3, 4]);
  const b = backend.empty([2, 3, 4], "f64");
  expect(backend.memory()).toEqual({ tensors: 2, bytes: 24 * 4 + 24 * 8 });
  a.dispose();
  a.dispose();
  a[Symbol.dispose]();
  expect(backend.memory()).toEqual({ tensors: 1, bytes: 24 * 8 });
  expect(a.data.length).toBe(0);
  await expect(backend.read(a)).rejects.toThrow(DisposedError);
  await backend[Symbol.asyncDispose]();
  await backend.dispose();
  expect(b.disposed).toBe(true);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  expect(() => backend.empty([1, 1, 1])).toThrow(DisposedError);
  await expect(backend.sync()).rejects.toThrow(DisposedError);
});

test("read is a copy; data is the memory itself; uploads are copies", async () => {
  const backend = createJsBackend();
  const data = Float32Array.of(1, 2);
  const t = backend.upload({ data, shape: [1, 2, 1] });
  data[0] = 9;
  const copy = await backend.read(t);
  t.data[1] = 7;
  expect([...copy]).toEqual([1, 2]);
  expect([...t.data]).toEqual([1, 7]);
});

const rowsApart = (row: number, offset = 0): Layout => ({
  ...{ offset, heads: 1, shared: 1, batch: 0, head: 0, row },
});

test("wrap is the caller's own array: a tensor, no bytes, and the array outlives it", async () => {
  const backend = createJsBackend();
  const array = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const t = backend.wrap(array, [1, 3, 2], rowsApart(3));
  expect(backend.memory()).toEqual({ tensors: 1, bytes: 0 });
  expect(t.storage).toBe(array.buffer);
  expect([...(await backend.read(t))]).toEqual([1, 2, 4, 5, 7, 8]);
  array[3] = 40;
  t.data[0] = 10;
  expect([...(await backend.read(t))]).toEqual([10, 2, 40, 5, 7, 8]);
  expect(array[0]).toBe(10);
  const reversed = backend.wrap(array, [1, 3, 2], rowsApart(-3, 6));
  expect([...(await backend.read(reversed))]).toEqual([7, 8, 40, 5, 10, 2]);
  const part = backend.wrap(array.subarray(2, 6), [1, 2, 2]);
  expect(part.byteOffset).toBe(16);
  expect([...(await backend.read(part))]).toEqual([3, 40, 5, 6]);
  for (const one of [t, reversed, part]) one.dispose();
  expect(t.disposed).toBe(true);
  expect(array.length).toBe(8);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("wrap refuses what does not fit, before it counts anything", () => {
  const backend = createJsBackend();
  const array = new Float32Array(6);
  const refused: [() => unknown, new (...args: never[]) => Error, RegExp][] = [
    [
      () => backend.wrap([1] as never, [1, 1, 1]),
      DtypeError,
      /^array: expected a Float32Array or Float64Array/,
    ],
    [() => backend.wrap(new Int32Array(4) as never, [1, 1, 1]), DtypeError, /^array: /],
    [() => backend.wrap(array, [1, 7, 1]), ShapeError, /^array: expected 7 elements or more, got 6$/],
    [() => backend.wrap(array, [1, -1, 1]), ShapeError, /^shape: /],
    [() => backend.wrap(array, [1, 2 ** 31, 1], rowsApart(0)), ShapeError, /^shape: expected at most /],
    [() => backend.wrap(array, [1, 3, 2], rowsApart(3)), ShapeError, /^layout: /],
    [() => backend.wrap(array, [1, 3, 2], rowsApart(-2)), ShapeError, /^layout: /],
    [() => backend.wrap(array, [1, 3, 2], rowsApart(0.5)), ValueError, /^layout.row: expected an integer/],
    [() => backend.wrap(array, [3, 1, 1], { ...rowsApart(1), heads: 2 }), ShapeError, /^layout.heads: /],
    [() => backend.wrap(array, [1, 3, 2], null as never), ValueError, /^layout: /],
  ];
  for (const [call, type, says] of refused) {
    expect(call).toThrow(type);
    expect(call).toThrow(says);
  }
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("views share, count nothing, and go with what they view", async () => {
  const backend = createJsBackend();
  const t = backend.upload({ data: Float32Array.from({ length: 12 }, (_, i) => i), shape: [1, 3, 4] });
  const before = backend.memory();
  const columns = backend.view(t, [1, 3, 2], rowsApart(4, 1));
  const last = backend.view(columns, [1, 1, 2], rowsApart(0, 8));
  expect(backend.memory()).toEqual(before);
  expect([columns.data, columns.storage]).toEqual([t.data, t.storage]);
  expect([...(await backend.read(columns))]).toEqual([1, 2, 5, 6, 9, 10]);
  expect([...(await backend.read(last))]).toEqual([9, 10]);
  t.data[9] = -1;
  expect([...(await backend.read(last))]).toEqual([-1, 10]);
  columns.dispose();
  expect([columns.disposed, columns.data.length, last.disposed, t.disposed]).toEqual([true, 0, true, false]);
  expect(() => backend.view(columns, [1, 1, 1], rowsApart(0))).toThrow(DisposedError);
  expect(() => backend.view(t, [1, 3, 2], rowsApart(5, 1))).toThrow(ShapeError);
  const again = backend.view(t, [1, 3, 4], rowsApart(4));
  t.dispose();
  expect([again.disposed, again.data.length]).toEqual([true, 0]);
  await expect(backend.read(again)).rejects.toThrow(DisposedError);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("an array wrapped, and its views, are dead once its buffer was transferred", async () => {
  const backend = createJsBackend();
  const array = new Float32Array(4);
  const t = backend.wrap(array, [1, 2, 2]);
  const view = backend.view(t, [1, 1, 2], rowsApart(2));
  structuredClone(array.buffer, { transfer: [array.buffer] });
  for (const dead of [t, view]) {
    expect(dead.disposed).toBe(true);
    await expect(backend.read(dead)).rejects.toThrow(
      /^tensor: expected a live object, got one whose memory was transferred elsewhere$/,
    );
  }
  expect(() => backend.wrap(array, [1, 2, 2])).toThrow(ShapeError);
  t.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("backends are apart: a tensor belongs to the one that made it", () => {
  const [one, two] = [createJsBackend(), createJsBackend({ name: "two" })];
  const make = (shape: [number, number, number]): HostTensor => one.empty(shape);
  const op = { diag: make([1, 1, 1]), q: make([1, 1, 1]), k: make([1, 1, 1]) };
  expect(() => solve(two, op, two.empty([1, 1, 1]))).toThrow(/^q: expected a tensor of this backend \(two\)/);
});

test("memory the engine refuses is a LimitError with the bytes", () => {
  const backend = createJsBackend();
  expect(() => backend.empty([2, 2 ** 30, 1], "f64")).toThrow(LimitError);
  expect(() => backend.empty([2, 2 ** 30, 1], "f64")).toThrow(/17179869184 bytes/);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("a tensor whose memory was transferred is dead, says so, and still counts until it is disposed", async () => {
  const backend = createJsBackend();
  const make = (): HostTensor => backend.upload({ data: Float32Array.of(1, 2), shape: [1, 2, 1] });
  const op = { diag: make(), q: make(), k: make() };
  const b = make();
  const whole = backend.memory();
  const buffer = op.k.data.buffer as ArrayBuffer;
  structuredClone(buffer, { transfer: [buffer] });
  expect(op.k.disposed).toBe(true);
  expect(() => solve(backend, op, b)).toThrow(DisposedError);
  expect(() => solve(backend, op, b)).toThrow(
    /^k: expected a live object, got one whose memory was transferred/,
  );
  expect(() => solve(backend, { ...op, k: op.q }, b, { out: op.k })).toThrow(
    /^out: .* transferred elsewhere$/,
  );
  await expect(backend.read(op.k)).rejects.toThrow(/^tensor: .* transferred elsewhere$/);
  expect(backend.memory()).toEqual(whole);
  op.k.dispose();
  op.k.dispose();
  expect(backend.memory()).toEqual({ tensors: whole.tensors - 1, bytes: whole.bytes - 8 });
  expect(() => solve(backend, op, b)).toThrow(/^k: expected a live object, got one that was disposed$/);
  expect(backend.empty([0, 4, 4]).disposed).toBe(false);
});

test.each([2 ** 31 - 4, 2 ** 31 - 3, 2 ** 31, Number.MAX_SAFE_INTEGER])(
  "chunk %i is one of many rows",
  (chunk) => {
    for (const dtype of ["f32", "f64"] as const) {
      const backend = createJsBackend();
      const fill = (value: number): HostTensor => {
        const t = backend.empty([1, 100, 1], dtype);
        t.data.fill(value);
        return t;
      };
      // T has 2 on the diagonal and 1 everywhere below it, so row i of T applied to a column of ones is i + 2.
      const op = { diag: fill(2), q: fill(1), k: fill(1) };
      const b = apply(backend, op, fill(1), { chunk });
      expect([...b.data]).toEqual(Array.from({ length: 100 }, (_, i) => i + 2));
      expect([...solve(backend, op, b, { chunk }).data]).toEqual(Array.from({ length: 100 }, () => 1));
      expect(inverse(backend, op, { chunk }).data[100]).toBe(-0.25);
    }
  },
);

test("a proxy of a backend, as Vue's reactive makes, is refused by name by every method", async () => {
  const backend = createJsBackend();
  const t = backend.empty([1, 1, 1]);
  const proxy = new Proxy(backend, {});
  const message = /^backend: expected a Backend itself, got a proxy of it/;
  const layout = { offset: 0, heads: 1, shared: 1, batch: 1, head: 0, row: 1 };
  for (const call of [
    () => proxy.empty([1, 1, 1]),
    () => proxy.upload({ data: Float32Array.of(1), shape: [1, 1, 1] }),
    () => proxy.view(t, [1, 1, 1], layout),
    () => proxy.wrap(Float32Array.of(1), [1, 1, 1]),
    () => proxy.memory(),
  ]) {
    expect(call).toThrow(ValueError);
    expect(call).toThrow(message);
  }
  for (const call of [() => proxy.read(t), () => proxy.sync(), () => proxy.dispose()]) {
    await expect(call()).rejects.toThrow(message);
  }
  expect(() => backend.view(t, [1, 1] as never, layout)).toThrow(ShapeError);
  expect(backend.memory()).toEqual({ tensors: 1, bytes: 4 });
});
