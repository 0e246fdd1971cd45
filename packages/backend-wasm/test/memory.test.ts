import { LimitError, solve, type Backend } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Arena } from "../src/arena.js";
import { Random } from "../../../tooling/random.mjs";

let backend: Backend<WasmTensor>;
beforeEach(async () => {
  backend = await createWasmBackend({ threads: 1 });
});
afterEach(() => backend.dispose());

const memoryBytes = (t: WasmTensor): number => t.storage.buffer.byteLength;

test("memory freed is used again: 10,000 rounds of mixed sizes do not grow it", () => {
  const random = new Random(1);
  const live: WasmTensor[] = [];
  let after: number | undefined;
  for (let round = 0; round < 10_000; round++) {
    if (live.length === 20) live.splice(random.integer(0, 19), 1)[0]!.dispose();
    const t = backend.empty([1, random.integer(1, 200), random.integer(1, 200)]);
    live.push(t);
    if (round === 5000) after = memoryBytes(t);
  }
  // 20 tensors of at most 160 kB, and room for holes between them
  expect(after).toBeLessThan(6.4e6);
  expect(memoryBytes(live[0]!)).toBe(after);
  for (const t of live) t.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("scratch is kept, not piled up, over 10,000 calls", () => {
  const [diag, q, k] = [1, 8, 8].map((cols) => backend.empty([1, 20, cols]));
  diag!.data.fill(1);
  const op = { diag: diag!, q: q!, k: k! };
  const random = new Random(1);
  let before = 0;
  for (let round = 0; round < 10_000; round++) {
    const b = backend.empty([1, 20, random.integer(1, 100)]);
    solve(backend, op, b).dispose();
    b.dispose();
    if (round === 1000) before = memoryBytes(q!);
  }
  expect(memoryBytes(q!)).toBe(before);
});

test("growth keeps what is there, and `data` is the memory as it is now", () => {
  const small = backend.upload({ data: Float64Array.of(1, 2, 3), shape: [1, 3, 1] });
  const stale = small.data;
  const large = backend.empty([1, 3000, 3000]);
  expect(stale.length).toBe(0);
  expect([...small.data]).toEqual([1, 2, 3]);
  small.data[1] = 5;
  expect([...small.data]).toEqual([1, 5, 3]);
  expect(large.data.length).toBe(9e6);
});

test("an upload that fails while it packs leaves nothing behind", () => {
  const kept = backend.upload({ data: Float32Array.of(1, 2, 3), shape: [1, 3, 1] });
  const before = { ...backend.memory(), size: memoryBytes(kept) };
  const typedArray = Object.getPrototypeOf(Float32Array.prototype) as Float32Array;
  for (let round = 0; round < 100; round++) {
    const set = vi.spyOn(typedArray, "set").mockImplementationOnce(() => {
      throw new RangeError("torn");
    });
    const upload = () => backend.upload({ data: new Float32Array(10_000), shape: [1, 100, 100] });
    expect(upload).toThrow("torn");
    set.mockRestore();
  }
  expect(backend.memory()).toEqual({ tensors: before.tensors, bytes: before.bytes });
  expect(memoryBytes(kept)).toBeLessThan(before.size + 2 * 65536);
});

test("elements of the memory itself can be uploaded, though it grows", () => {
  const t = backend.upload({ data: Float32Array.of(1, 2, 3), shape: [1, 1, 3] });
  const size = memoryBytes(t);
  const copies = backend.upload({ data: t.data, shape: [1, 50_000, 3], strides: [0, 0, 1] });
  expect(memoryBytes(t)).toBeGreaterThan(size);
  expect([...copies.data.subarray(149_994)]).toEqual([1, 2, 3, 1, 2, 3]);
});

test("a disposed tensor has no elements and no storage", () => {
  const t = backend.upload({ data: Float32Array.of(1, 2, 3), shape: [1, 1, 3] });
  expect(t.data.length).toBe(3);
  t.dispose();
  expect(t.data.length).toBe(0);
  expect(() => t.storage).toThrow(expect.objectContaining({ code: "DISPOSED" }));
});

test("elements written to `data` are what a kernel reads: nothing is copied in", () => {
  const [diag, q, k, b] = [1, 2, 2, 3].map((cols) => backend.empty([1, 4, cols], "f64"));
  diag!.data.fill(2);
  q!.data.fill(0);
  k!.data.fill(0);
  b!.data.forEach((_, i, data) => (data[i] = i));
  const y = solve(backend, { diag: diag!, q: q!, k: k! }, b!);
  expect([...y.data]).toEqual([...b!.data].map((x) => x / 2));
});

test("a tensor larger than the memory may grow to is refused with the bytes asked, and nothing is lost", () => {
  const kept = backend.upload({ data: new Float32Array(1e6).fill(7), shape: [1, 1000, 1000] });
  const before = { ...backend.memory(), size: memoryBytes(kept) };
  expect(() => backend.empty([1, 2 ** 15, 2 ** 15 - 1])).toThrow(
    expect.objectContaining({ code: "LIMIT", requested: 2 ** 32 - 2 ** 17 }),
  );
  expect({ ...backend.memory(), size: memoryBytes(kept) }).toEqual(before);
  expect(kept.data.every((x) => x === 7)).toBe(true);
  backend.empty([1, 10, 10]);
});

test("an arena joins what is freed, in any order, and grows only when nothing fits", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  const arena = new Arena(memory, 4 * 65536, 1024);
  const blocks = Array.from({ length: 8 }, () => arena.allocate("block", 7000));
  expect(new Set(blocks).size).toBe(8);
  expect(memory.buffer.byteLength).toBe(65536);
  for (const at of [3, 5, 4, 0, 7, 1, 6, 2]) arena.release(blocks[at]!);
  const whole = arena.allocate("whole", 65536 - 1024);
  expect(whole).toBe(1024);
  expect(memory.buffer.byteLength).toBe(65536);
  expect(() => arena.allocate("too much", 4 * 65536)).toThrow(LimitError);
  expect(arena.allocate("next", 64)).toBe(65536);
  expect(() => arena.release(12345)).toThrow(RangeError);
});

test("blocks never overlap and stay on cache lines", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 100 });
  const arena = new Arena(memory, 100 * 65536, 1024);
  const random = new Random(1);
  const live = new Map<number, number>();
  for (let round = 0; round < 3000; round++) {
    if (live.size > 30) {
      const at = [...live.keys()][random.integer(0, live.size - 1)]!;
      arena.release(at);
      live.delete(at);
    }
    const size = random.integer(0, 8999);
    const at = arena.allocate("block", size);
    expect(at % 64).toBe(0);
    for (const [other, length] of live) expect(at + size <= other || other + length <= at).toBe(true);
    live.set(at, Math.max(1, size));
  }
});
