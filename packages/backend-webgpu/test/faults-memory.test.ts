import { apply, LimitError, UnsupportedError } from "@dlrt/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../src/node.js";
import { disposeWholly, watchBuffers, withoutMemory } from "./support/faulty.js";
import { onSharedDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
let buffers: { alive(): string[] };
beforeEach(async () => {
  backend = await onSharedDevice();
  buffers = watchBuffers(backend.device);
});
afterEach(() => disposeWholly(backend, buffers));

const ROWS = 40;
const column = (value: number): GpuTensor =>
  backend.upload({ data: new Float32Array(ROWS).fill(value), shape: [1, ROWS, 1] });
const scaling = (): { diag: GpuTensor; q: GpuTensor; k: GpuTensor } => ({
  diag: column(2),
  q: column(0),
  k: column(0),
});

/** Expects that two reads of `t` reject with the same LimitError, and returns how many bytes that says were asked for. */
async function bytesAsked(t: GpuTensor): Promise<number> {
  const error: unknown = await backend.read(t).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(LimitError);
  expect((error as LimitError).message).toMatch(/no memory left/);
  await expect(backend.read(t)).rejects.toBe(error);
  return (error as LimitError).requested;
}

test("a tensor without memory is poisoned, with the bytes asked for; its neighbours are not", async () => {
  const before = column(3);
  const device = withoutMemory(backend.device, ({ size }) => size === 12_000);
  const t = backend.empty([1, 1000, 3]);
  const filled = backend.upload({ data: new Float32Array(3000).fill(1), shape: [1, 1000, 3] });
  device.restore();
  const after = column(4);
  expect(await bytesAsked(t)).toBe(12_000);
  expect(await bytesAsked(filled)).toBe(12_000);
  expect((await backend.read(before))[ROWS - 1]).toBe(3);
  expect((await backend.read(after))[ROWS - 1]).toBe(4);
  await expect(backend.sync()).rejects.toBeInstanceOf(LimitError);
  await backend.sync();
});

test("what is computed with it fails for the same cause, with its submission, and then nothing else does", async () => {
  const op = scaling();
  const x = column(3);
  const device = withoutMemory(backend.device, ({ label }) => label === "empty");
  const out = backend.empty([1, ROWS, 1]);
  device.restore();
  const beside = apply(backend, op, x);
  apply(backend, op, x, { out });
  const further = apply(backend, op, out);
  expect(await bytesAsked(out)).toBe(4 * ROWS);
  expect(await bytesAsked(further)).toBe(4 * ROWS);
  expect(await bytesAsked(beside)).toBe(4 * ROWS); // it was submitted together with what failed
  const again = apply(backend, op, x);
  apply(backend, op, x, { out });
  expect(await bytesAsked(out)).toBe(4 * ROWS); // there still is no memory behind it
  expect((await backend.read(again))[ROWS - 1]).toBe(6);
});

test("scratch without memory poisons the results, and is asked for again by the next operation", async () => {
  const [op, x] = [scaling(), column(3)];
  const device = withoutMemory(backend.device, ({ label }) => label === "scratch");
  const bad = apply(backend, op, x);
  const pending = backend.read(bad);
  pending.catch(() => undefined);
  device.restore();
  const same = apply(backend, op, x); // it may still be given the scratch without memory, because nobody knows yet that there is none behind it
  expect(await bytesAsked(bad)).toBeGreaterThan(0);
  await backend.read(same).then(
    (got) => expect(got[ROWS - 1]).toBe(6),
    (error: unknown) => expect(error).toBeInstanceOf(LimitError),
  );
  expect((await backend.read(apply(backend, op, x)))[ROWS - 1]).toBe(6);
});

test("no memory to read into: that read rejects, and nothing enqueued before it is spoiled", async () => {
  const [op, x] = [scaling(), column(3)];
  const y = apply(backend, op, x);
  const device = withoutMemory(backend.device, ({ label }) => label === "read");
  const error: unknown = await backend.read(y).catch((reason: unknown) => reason);
  device.restore();
  expect(error).toBeInstanceOf(LimitError);
  expect((error as LimitError).requested).toBe(4 * ROWS);
  expect((await backend.read(y))[ROWS - 1]).toBe(6);
  await backend.sync();
});

test("an upload that the queue refuses poisons that tensor", async () => {
  const write = backend.device.queue.writeBuffer.bind(backend.device.queue);
  backend.device.queue.writeBuffer = (buffer, _, data, from, bytes) => write(buffer, 2, data, from, bytes);
  const bad = column(3);
  backend.device.queue.writeBuffer = write;
  const good = column(3);
  for (let time = 0; time < 2; time++) {
    await expect(backend.read(bad)).rejects.toBeInstanceOf(UnsupportedError);
  }
  expect((await backend.read(good))[ROWS - 1]).toBe(3);
});
