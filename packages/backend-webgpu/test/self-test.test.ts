import { DeviceLostError, DisposedError, LimitError, solve, UnsupportedError } from "@dlrt/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { requestDevice } from "../src/device.js";
import { createWebGpuBackend, nodeGpu, type GpuTensor, type WebGpuBackend } from "../src/node.js";
import { EXACT } from "../src/exact.js";
import { disposeWholly, watchBuffers, withoutMemory } from "./support/faulty.js";
import { problem, upload, worstOmega } from "./support/problem.js";
import { restoreDevice, sharedDevice } from "./support/shared-device.js";

const of = problem(1, 80, 4, 4);

let device: GPUDevice;
let compiled: string[];

/** Has `compiled` note the pipelines of this device. */
function watchCompiling(of: GPUDevice): void {
  device = of;
  compiled = [];
  const { createComputePipeline } = device;
  const compile = (one: GPUComputePipelineDescriptor): GPUComputePipeline => {
    compiled.push(one.label!);
    return createComputePipeline.call(of, one);
  };
  device.createComputePipeline = compile;
  // While Node waits for Dawn's own method it polls, which takes as much of the processor again as compiling.
  device.createComputePipelineAsync = async (one) => compile(one);
}

beforeEach(async () => watchCompiling(await sharedDevice()));
afterEach(() => restoreDevice(device));

/** Makes the device compute something else wherever a shader says `right`. */
function plant(right: string, wrong: string): void {
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (one) => create({ ...one, code: one.code.replace(right, wrong) });
}

function solved(backend: WebGpuBackend): { y: GpuTensor; clear(): void } {
  const { op, b, dispose } = upload(backend, of);
  const y = solve(backend, op, b);
  return { y, clear: () => (dispose(), y.dispose()) };
}

const refused = async (pending: Promise<unknown>): Promise<string> => {
  const error: unknown = await pending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UnsupportedError);
  return (error as Error).message;
};

test.each(EXACT)("the self-test's problem of $name is of the exact class", ({ problem: exact }) => {
  const largest = exact().expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(4); // so T is not the identity
  expect(largest).toBeLessThan(2 ** 20);
});

test("the self-test passes here, beside the caller's work, and compiles nothing that this has not", async () => {
  const buffers = watchBuffers(device);
  const backend = await createWebGpuBackend({ device });
  expect(compiled).toEqual([]);
  const { y, clear } = solved(backend);
  const needed = [...compiled];
  expect(worstOmega(of, await backend.read(y))).toBeLessThanOrEqual(16);
  await backend.sync();
  expect(compiled).toEqual(needed);
  clear();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  await disposeWholly(backend, buffers);
});

test("nor after a layer of many heads, whose tiles are wider", async () => {
  const backend = await createWebGpuBackend({ device, width: 4 });
  const sizes = { batch: 4, n: 80, r: 8, p: 8 };
  const rows = (columns: number): GpuTensor => {
    const data = Float32Array.from({ length: 320 * columns }, (_, i) => (i % 7) / 16 - 0.2);
    return backend.upload({ data, shape: [4, 80, columns] });
  };
  const [query, key, value, erase, out] = [rows(8), rows(8), rows(8), rows(1), backend.empty([4, 80, 8])];
  backend.kernels.deltaRule?.({ ...sizes, query, key, value, erase, scale: 1, out });
  const needed = [...compiled];
  expect(needed).toContain("solve-scan");
  expect((await backend.read(out)).every(Number.isFinite)).toBe(true);
  expect(compiled).toEqual(needed);
  await backend.dispose();
});

// Each shader that the delta rule needs, and what in it goes wrong.
test.each([
  ["delta-operands", "scaled[to + column] =", "scaled[to + column] = 2.0 *"],
  ["coupling", "own_a0 += fa0 * ga0.x", "own_a0 -= fa0 * ga0.x"],
  ["solve-scan", "own0_0 += a0.x", "own0_0 -= a0.x"],
  ["apply-chunk", "= params.alpha * (past7", "= params.alpha * (-past7"],
])(
  "a device that computes something else in %s is refused before anything is read",
  async (_, right, wrong) => {
    plant(right, wrong);
    const backend = await createWebGpuBackend({ device });
    const reason = await refused(backend.sync());
    expect(reason).toMatch(/self-test of deltaRule, got .* where .* is exact/);
    const { y, clear } = solved(backend);
    for (const later of [backend.read(y), backend.sync(), backend.read(y)]) {
      expect(await refused(later)).toBe(reason);
    }
    clear();
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
    await backend.dispose();
  },
);

test("reads that were there before the verdict reject with it, and so do those of what comes after", async () => {
  plant("own0_0 += a0.x", "own0_0 -= a0.x");
  const backend = await createWebGpuBackend({ device });
  const { y, clear } = solved(backend);
  const reasons = await Promise.all([backend.read(y), backend.read(y), backend.sync()].map(refused));
  expect(new Set(reasons).size).toBe(1);
  expect(reasons[0]).toMatch(/self-test of solve/);
  const { y: next, clear: clearNext } = solved(backend);
  expect(await refused(backend.read(next))).toBe(reasons[0]);
  clear();
  clearNext();
  await backend.dispose();
});

test("no read is answered before the verdict", async () => {
  const { createComputePipelineAsync } = device;
  let go: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  device.createComputePipelineAsync = async (one) => {
    await held;
    return createComputePipelineAsync.call(device, one);
  };
  const backend = await createWebGpuBackend({ device });
  const t = backend.upload({ data: Float32Array.of(1, 2), shape: [1, 2, 1] });
  let answered = false;
  const reading = backend.read(t).finally(() => (answered = true));
  await device.queue.onSubmittedWorkDone();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(answered).toBe(false);
  go();
  expect([...(await reading)]).toEqual([1, 2]);
  await backend.dispose();
});

test("disposed before, and during, its self-test, a backend leaves nothing", async () => {
  await disposeWholly(await createWebGpuBackend({ device }), watchBuffers(device));
  expect(compiled).toEqual([]); // the self-test never began
  const buffers = watchBuffers(device);
  const backend = await createWebGpuBackend({ device });
  const { y, clear } = solved(backend);
  const reading = backend.read(y).catch((reason: unknown) => reason);
  clear();
  await disposeWholly(backend, buffers);
  const answer = await reading;
  if (!(answer instanceof Float32Array)) expect(answer).toBeInstanceOf(DisposedError);
  await expect(backend.sync()).rejects.toBeInstanceOf(DisposedError);
});

test("a device lost during the self-test, or that compiles nothing, is told by its own error", async () => {
  watchCompiling(await requestDevice(await nodeGpu())); // a device that may be destroyed
  device.createComputePipelineAsync = () => Promise.reject(new TypeError("too complex"));
  const refusing = await createWebGpuBackend({ device });
  expect(await refused(refusing.sync())).toMatch(/^prepare: .*too complex/);
  await refusing.dispose();
  const backend = await createWebGpuBackend({ device });
  const { y } = solved(backend);
  const pending = [backend.sync(), backend.read(y)];
  device.destroy();
  for (const outcome of await Promise.allSettled([...pending, device.lost.then(() => backend.read(y))])) {
    expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(DeviceLostError);
  }
  await backend.dispose();
});

test("without memory for its self-test a device is tested again when there is some", async () => {
  const buffers = watchBuffers(device);
  const backend = await createWebGpuBackend({ device });
  const { y, clear } = solved(backend);
  const scarce = withoutMemory(device, () => true);
  for (const told of await Promise.allSettled([backend.sync(), backend.read(y)])) {
    expect((told as PromiseRejectedResult).reason).toBeInstanceOf(LimitError);
  }
  scarce.restore();
  expect(worstOmega(of, await backend.read(y))).toBeLessThanOrEqual(16);
  await backend.sync();
  clear();
  await disposeWholly(backend, buffers);
  withoutMemory(device, () => true);
  const last = await createWebGpuBackend({ device });
  const asked = last.sync().catch((reason: unknown) => reason);
  await last.dispose();
  expect(await asked).toBeInstanceOf(Error);
});
