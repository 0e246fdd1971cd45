import { DisposedError, LimitError, solve, type HostTensor } from "@dlrt/core";
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
