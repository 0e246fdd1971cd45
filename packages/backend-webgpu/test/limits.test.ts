import { apply, LimitError, solve, UnsupportedError } from "@dlrt/core";
import { afterEach, expect, test } from "vitest";
import { createWebGpuBackend, type WebGpuBackend, type WebGpuOptions } from "../src/node.js";
import { problem, upload, worstOmega } from "./support/problem.js";
import { onSharedDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
const create = async (options: WebGpuOptions = {}): Promise<WebGpuBackend> => {
  backend = await onSharedDevice(options);
  return backend;
};
afterEach(() => backend.dispose());

/** Solves, and applies T to the answer, in as many pieces as the limits ask for. Returns ω of the solve, in ε. */
async function omegaOf(sizes: readonly [number, number, number, number]): Promise<number> {
  const of = problem(...sizes);
  const { op, b, dispose } = upload(backend, of);
  const y = solve(backend, op, b);
  const again = apply(backend, op, y);
  const error = worstOmega(of, await backend.read(y));
  const back = await backend.read(again);
  const worst = back.reduce((max, value, i) => Math.max(max, Math.abs(value - of.b[i]!)), 0);
  expect(worst).toBeLessThan(1e-5);
  [y, again].forEach((t) => t.dispose());
  dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  return error;
}

test("the adapter's limits are asked for, not the defaults", async () => {
  const { limits } = (await create()).device;
  expect(limits.maxStorageBufferBindingSize).toBeGreaterThan(128 * 2 ** 20);
  expect(limits.maxBufferSize).toBeGreaterThan(256 * 2 ** 20);
});

test("bindings beyond the limit are split by batch entries, then by rows", async () => {
  await create({ maxBindingBytes: 8192 });
  expect(await omegaOf([5, 100, 8, 6])).toBeLessThanOrEqual(16);
  expect(await omegaOf([2, 700, 4, 8])).toBeLessThanOrEqual(16);
});

test("scratch beyond the budget, and long work, run in segments", async () => {
  await create({ maxScratchBytes: 64 * 1024, maxSubmitFlops: 1e5 });
  const before = backend.submits;
  expect(await omegaOf([2, 300, 8, 5])).toBeLessThanOrEqual(16);
  expect(backend.submits - before).toBeGreaterThan(4);
});

test("more than 65535 workgroups are folded into two dimensions", async () => {
  await create();
  const rows = 4 * 65536 + 3;
  const x = backend.upload({
    data: Float32Array.from({ length: rows }, (_, i) => i % 1000),
    shape: [1, rows, 1],
  });
  const out = backend.upload({ data: new Float32Array(rows).fill(Number.NaN), shape: [1, rows, 1] });
  backend.kernels.rowDot({ batch: 1, n: rows, p: 1, alpha: 2, x, y: x, out });
  const got = await backend.read(out);
  expect(got.findIndex((value, i) => value !== 2 * (i % 1000) ** 2)).toBe(-1);
});

test("a tensor larger than the device allows is refused, with the bytes, and nothing is left", async () => {
  await create();
  const rows = backend.supports.limits.tensorBytes / 4 + 1;
  let error: unknown;
  try {
    backend.empty([1, rows, 1]);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(LimitError);
  expect((error as LimitError).requested).toBe(4 * rows);
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("what the device refuses rejects every read of what it would have given, with a typed error", async () => {
  const other = await createWebGpuBackend({ selfTest: false }); // on a device of its own
  await create();
  const foreign = other.device.createBuffer({ size: 64, usage: 0x8c });
  const wrapped = backend.wrap(foreign, [1, 4, 4]);
  const own = backend.upload({ data: new Float32Array(16).fill(3), shape: [1, 4, 4] });
  const out = backend.empty([1, 4, 1]);
  backend.kernels.rowDot({ batch: 1, n: 4, p: 4, alpha: 1, x: wrapped, y: own, out });
  for (let time = 0; time < 2; time++) {
    await expect(backend.read(out)).rejects.toThrow(UnsupportedError);
    expect([...(await backend.read(own))]).toEqual(Array.from({ length: 16 }, () => 3));
  }
  foreign.destroy();
  await other.dispose();
});
