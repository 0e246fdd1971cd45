import { apply, DisposedError, inverse, LimitError, solve, type HostTensor } from "@dlrt/core";
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
      // T has 2 on the diagonal and 1 below it, so row i of T·1 is i + 2.
      const op = { diag: fill(2), q: fill(1), k: fill(1) };
      const b = apply(backend, op, fill(1), { chunk });
      expect([...b.data]).toEqual(Array.from({ length: 100 }, (_, i) => i + 2));
      expect([...solve(backend, op, b, { chunk }).data]).toEqual(Array.from({ length: 100 }, () => 1));
      expect(inverse(backend, op, { chunk }).data[100]).toBe(-0.25);
    }
  },
);
