import { apply, DeviceLostError, inverse, SingularError, solve, UnsupportedError } from "@dlrt/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createWebGpuBackend, type GpuTensor, type WebGpuBackend } from "../src/node.js";
import { TENSOR } from "../src/usage.js";
import { disposeWholly, watchBuffers, wrapped } from "./support/faulty.js";
import { onSharedDevice } from "./support/shared-device.js";

/** T = [[2, 0], [6, 1]], x = (1, 3): T x = (2, 9), T⁻¹ x = (½, 0). */
const X = Float32Array.of(1, 3);
const TX = [2, 9];
const TINV_X = [0.5, 0];

const unhandled: unknown[] = [];
const note = (reason: unknown): number => unhandled.push(reason);
beforeAll(() => process.on("unhandledRejection", note));
afterAll(() => {
  process.off("unhandledRejection", note);
  if (unhandled.length > 0) throw new Error(`unhandled: ${unhandled.map(String).join(", ")}`);
});

let backend: WebGpuBackend;
let buffers: { alive(): string[] };
let op: { diag: GpuTensor; q: GpuTensor; k: GpuTensor };
let b: GpuTensor;
const column = (...data: number[]): GpuTensor =>
  backend.upload({ data: Float32Array.from(data), shape: [1, 2, 1] });
beforeEach(async () => {
  backend = await onSharedDevice();
  buffers = watchBuffers(backend.device);
  op = { diag: column(2, 1), q: column(5, 3), k: column(2, 7) };
  b = column(...X);
});
afterEach(() => disposeWholly(backend, buffers));

const values = async (t: GpuTensor): Promise<number[]> => [...(await backend.read(t))];

/** Expects two reads to reject, because a fault is told every time. */
async function expectPoisoned(t: GpuTensor, type: new (...args: never[]) => Error): Promise<void> {
  for (let time = 0; time < 2; time++) await expect(backend.read(t)).rejects.toBeInstanceOf(type);
}

test("a fault rejects every read, each time, of all the failed submission could have written, and no other", async () => {
  const before = apply(backend, op, b);
  await backend.sync();
  const lent = wrapped(backend, X, [1, 2, 1]);
  const y2 = apply(backend, op, b);
  const y1 = apply(backend, op, lent.t);
  lent.buffer.destroy();
  const y3 = apply(backend, op, b);
  for (const y of [y1, y2, y3, y1, y3])
    await expect(backend.read(y)).rejects.toBeInstanceOf(UnsupportedError);
  await expect(backend.read(lent.t)).rejects.toBeInstanceOf(UnsupportedError);
  expect(await values(before)).toEqual(TX);
  expect(await values(b)).toEqual([...X]);
  expect(await values(apply(backend, op, b))).toEqual(TX);
});

test("two reads at once: each has its own verdict", async () => {
  const lent = wrapped(backend, X, [1, 2, 1]);
  const good = apply(backend, op, b);
  await backend.sync();
  const bad = apply(backend, op, lent.t);
  lent.buffer.destroy();
  for (const order of [
    [good, bad],
    [bad, good],
  ]) {
    const reads = await Promise.allSettled(order.map((t) => backend.read(t)));
    reads.forEach((read, i) => {
      expect(read.status).toBe(order[i] === good ? "fulfilled" : "rejected");
      if (read.status === "fulfilled") expect([...read.value]).toEqual(TX);
      else expect(read.reason).toBeInstanceOf(UnsupportedError);
    });
  }
});

test("reading a buffer that is gone spoils nothing that was enqueued before it", async () => {
  const lent = wrapped(backend, X, [1, 2, 1]);
  lent.buffer.destroy();
  const y = apply(backend, op, b);
  await expect(backend.read(lent.t)).rejects.toBeInstanceOf(UnsupportedError);
  expect(await values(y)).toEqual(TX);
});

test("what is computed from a poisoned tensor is poisoned, before and after the fault is known", async () => {
  const lent = wrapped(backend, X, [1, 2, 1]);
  const state = backend.upload({ data: Float32Array.of(0), shape: [1, 1, 1] });
  const bad = apply(backend, op, lent.t, { initialState: state, finalState: state });
  lent.buffer.destroy();
  const cause: unknown = await backend.sync().catch((error: unknown) => error);
  const known = apply(backend, op, bad);
  const further = apply(backend, op, known);
  const streamed = apply(backend, op, b, { initialState: state, finalState: state });
  for (const t of [bad, known, further, streamed, state]) {
    await expect(backend.read(t)).rejects.toBe(cause);
    await expect(backend.read(t)).rejects.toBe(cause);
  }
  // Nothing is recorded on an operand that is known to be bad, so that what is enqueued beside it is not spoiled.
  const beside = apply(backend, op, b);
  apply(backend, op, bad);
  expect(await values(beside)).toEqual(TX);
});

test("an operation of several submissions needs all of them", async () => {
  await disposeWholly(backend, buffers);
  backend = await onSharedDevice({ maxSubmitFlops: 1000 });
  buffers = watchBuffers(backend.device);
  const rows = 256;
  const column = (value: number): GpuTensor =>
    backend.upload({ data: new Float32Array(rows).fill(value), shape: [1, rows, 1] });
  op = { diag: column(2), q: column(0), k: column(0) };
  const out = column(Number.NaN);
  const lent = wrapped(backend, new Float32Array(rows).fill(3), [1, rows, 1]);
  const submit = backend.device.queue.submit.bind(backend.device.queue);
  let submits = 0;
  backend.device.queue.submit = (commands) => {
    submits += 1;
    if (submits === 2) lent.buffer.destroy(); // the first submission has read it, the second cannot
    return submit(commands);
  };
  apply(backend, op, lent.t, { out });
  expect(submits).toBeGreaterThan(2);
  await expectPoisoned(out, UnsupportedError);
});

test("a later good operation that writes a poisoned tensor heals it; one that writes elsewhere does not", async () => {
  const lent = wrapped(backend, X, [1, 2, 1]);
  const arena = backend.device.createBuffer({ size: 16, usage: TENSOR });
  const [left, right] = [backend.wrap(arena, [1, 2, 1], 0), backend.wrap(arena, [1, 2, 1], 8)];
  apply(backend, op, lent.t, { out: left });
  apply(backend, op, lent.t, { out: right });
  lent.buffer.destroy();
  await expectPoisoned(left, UnsupportedError);
  apply(backend, op, b, { out: left });
  expect(await values(left)).toEqual(TX);
  expect(await values(backend.wrap(arena, [1, 2, 1], 0))).toEqual(TX);
  await expectPoisoned(right, UnsupportedError);
  await expectPoisoned(backend.wrap(arena, [1, 3, 1], 4), UnsupportedError);
  arena.destroy();
});

test("sync tells a fault to all who ask before it is told, and not again; reads are told every time", async () => {
  const lent = wrapped(backend, X, [1, 2, 1]);
  const y = apply(backend, op, lent.t);
  lent.buffer.destroy();
  await expect(backend.read(y)).rejects.toBeInstanceOf(UnsupportedError);
  const syncs = await Promise.allSettled([backend.sync(), backend.sync()]);
  for (const sync of syncs) {
    expect(sync.status === "rejected" && sync.reason).toBeInstanceOf(UnsupportedError);
  }
  await backend.sync();
  await expectPoisoned(y, UnsupportedError);
  apply(backend, op, lent.t).dispose();
  await expect(backend.sync()).rejects.toBeInstanceOf(UnsupportedError);
  await backend.sync();
});

test("check: true rejects the readers of that result and of what comes from it, each time, and nobody else", async () => {
  const zero = backend.upload({ data: Float32Array.of(2, 0), shape: [1, 2, 1] });
  const state = backend.upload({ data: Float32Array.of(0), shape: [1, 1, 1] });
  const singular = { ...op, diag: zero };
  const good = solve(backend, op, b, { check: true });
  const bad = solve(backend, singular, b, { check: true, finalState: state });
  const dense = inverse(backend, singular, { check: true });
  const unchecked = solve(backend, singular, b);
  const next = apply(backend, op, bad);
  const beside = solve(backend, op, b);
  const reads = await Promise.allSettled([bad, good, next, beside].map((t) => backend.read(t)));
  expect(reads.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled"]);
  for (const t of [bad, dense, state, next, apply(backend, op, bad)]) {
    await expect(backend.read(t)).rejects.toEqual(new SingularError(0, 1));
    await expect(backend.read(t)).rejects.toBeInstanceOf(SingularError);
  }
  for (const t of [good, beside]) expect(await values(t)).toEqual(TINV_X);
  expect((await values(unchecked))[0]).toBe(0.5);
  await backend.sync();
  solve(backend, op, b, { out: bad, check: true });
  expect(await values(bad)).toEqual(TINV_X);
});

test("an operation that throws while it is recorded poisons what it was to write", async () => {
  const out = backend.upload({ data: X, shape: [1, 2, 1] });
  const bind = backend.device.createBindGroup.bind(backend.device);
  backend.device.createBindGroup = () => {
    throw new RangeError("no more bind groups");
  };
  expect(() => apply(backend, op, b, { out })).toThrow(RangeError);
  backend.device.createBindGroup = bind;
  await expectPoisoned(out, RangeError);
  expect(await values(apply(backend, op, b))).toEqual(TX);
});

test("a lost device: every read and sync rejects with DeviceLostError, each time", async () => {
  await disposeWholly(backend, buffers);
  backend = await createWebGpuBackend({ selfTest: false }); // on a device that may be destroyed
  buffers = watchBuffers(backend.device);
  op = { diag: column(2, 1), q: column(5, 3), k: column(2, 7) };
  b = column(...X);
  const y = apply(backend, op, b);
  const reading = backend.read(y);
  reading.catch(() => undefined);
  backend.device.destroy();
  await backend.device.lost;
  for (const t of [y, b, apply(backend, op, b)]) await expectPoisoned(t, DeviceLostError);
  for (let time = 0; time < 2; time++) await expect(backend.sync()).rejects.toBeInstanceOf(DeviceLostError);
  const early = await reading.catch((error: unknown) => error);
  if (early instanceof Error) expect(early).toBeInstanceOf(DeviceLostError);
  else expect([...(early as Float32Array)]).toEqual(TX);
});
