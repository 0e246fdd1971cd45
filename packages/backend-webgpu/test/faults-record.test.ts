import { apply, UnsupportedError, ValueError } from "@dlrt/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createWebGpuBackend, type GpuTensor, type WebGpuBackend } from "../src/node.js";
import { disposeWholly, watchBuffers, wrapped } from "./support/faulty.js";
import { onSharedDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
let buffers: { alive(): string[] };
let op: { diag: GpuTensor; q: GpuTensor; k: GpuTensor };
let b: GpuTensor;
let encoder: GPUCommandEncoder;
const column = (...data: number[]): GpuTensor =>
  backend.upload({ data: Float32Array.from(data), shape: [1, 2, 1] });
beforeEach(async () => {
  backend = await onSharedDevice();
  buffers = watchBuffers(backend.device);
  op = { diag: column(2, 1), q: column(5, 3), k: column(2, 7) };
  b = column(1, 3);
  encoder = backend.device.createCommandEncoder();
});
afterEach(() => disposeWholly(backend, buffers));

const values = async (t: GpuTensor): Promise<number[]> => [...(await backend.read(t))];
/** T x and T T x, for x = (1, 3). */
const [ONCE, TWICE] = [
  [2, 9],
  [4, 21],
];

/** Submits the encoder as a caller would, who catches his own errors: returns the one there was, or null. */
async function submit(): Promise<GPUError | null> {
  backend.device.pushErrorScope("validation");
  backend.device.queue.submit([encoder.finish()]);
  return backend.device.popErrorScope();
}

test("results are there once the caller has submitted, before the recording is disposed and after", async () => {
  let y: GpuTensor | undefined;
  const recording = backend.record(encoder, () => {
    y = apply(backend, op, b);
  });
  await expect(backend.read(y!)).rejects.toBeInstanceOf(ValueError); // what has not been submitted has not been computed
  expect(await submit()).toBe(null);
  expect(await values(y!)).toEqual(ONCE);
  expect(await values(apply(backend, op, y!))).toEqual(TWICE);
  recording.dispose();
  recording.dispose();
  expect(await values(y!)).toEqual(ONCE);
  expect(await values(apply(backend, op, y!))).toEqual(TWICE);
  await backend.sync();
});

test("one recording works on what another has recorded for the same encoder", async () => {
  const y = column(0, 0);
  const z = column(0, 0);
  const first = backend.record(encoder, () => apply(backend, op, b, { out: y }));
  const second = backend.record(encoder, () => apply(backend, op, y, { out: z }));
  expect(await submit()).toBe(null);
  second.dispose();
  first.dispose();
  expect(await values(z)).toEqual(TWICE);
  expect(await values(y)).toEqual(ONCE);
});

test("what was never submitted, or refused, is not read as if it had been", async () => {
  const lent = wrapped(backend, Float32Array.of(1, 3), [1, 2, 1]);
  const [dropped, refused, beside] = [column(7, 7), column(7, 7), column(7, 7)];
  backend
    .record(backend.device.createCommandEncoder(), () => apply(backend, op, b, { out: dropped }))
    .dispose();
  const recording = backend.record(encoder, () => {
    apply(backend, op, lent.t, { out: refused });
    apply(backend, op, b, { out: beside });
  });
  lent.buffer.destroy();
  expect(await submit()).not.toBe(null); // the error is told to the caller, whose submit it is
  recording.dispose();
  const further = apply(backend, op, refused);
  for (const t of [dropped, refused, beside, further, dropped, refused, beside, further]) {
    await expect(backend.read(t)).rejects.toBeInstanceOf(ValueError);
  }
  await expect(backend.sync()).rejects.toBeInstanceOf(ValueError);
  await backend.sync();
  expect(await values(b)).toEqual([1, 3]);
  apply(backend, op, b, { out: refused });
  expect(await values(refused)).toEqual(ONCE);
});

test("what the device refuses to record rejects with the device's reason", async () => {
  const other = await createWebGpuBackend({ selfTest: false }); // on a device of its own
  const foreign = other.device.createBuffer({ size: 16, usage: 0x8c });
  const y = column(7, 7);
  const recording = backend.record(encoder, () =>
    apply(backend, op, backend.wrap(foreign, [1, 2, 1]), { out: y }),
  );
  expect(await submit()).not.toBe(null);
  recording.dispose();
  await expect(backend.read(y)).rejects.toBeInstanceOf(UnsupportedError);
  await expect(backend.read(y)).rejects.toBeInstanceOf(UnsupportedError);
  foreign.destroy();
  await other.dispose();
});

test("a callback that throws closes the recording: its results are poisoned, and buffers are destroyed again", async () => {
  const y = column(7, 7);
  const gone = new RangeError("thrown by the callback");
  const record = (): unknown =>
    backend.record(encoder, () => {
      apply(backend, op, b, { out: y });
      throw gone;
    });
  expect(record).toThrow(gone);
  for (let time = 0; time < 2; time++) await expect(backend.read(y)).rejects.toBe(gone);
  const kept = (label: string): string[] => buffers.alive().filter((other) => other === label);
  expect([...kept("scratch"), ...kept("params"), ...kept("mark")]).toEqual([]);
  column(1, 2).dispose();
  expect(kept("empty")).toHaveLength(5); // the tensors of op, b and y
  apply(backend, op, b).dispose();
  await backend.sync();
  expect(kept("empty")).toHaveLength(5);
  expect(await values(apply(backend, op, b))).toEqual(ONCE);
});

test("a buffer that an open recording may need outlives a recording made after it", async () => {
  const y = column(7, 7);
  const x = column(1, 3);
  const first = backend.record(encoder, () => apply(backend, op, x, { out: y }));
  const other = backend.device.createCommandEncoder();
  const second = backend.record(other, () => apply(backend, op, b).dispose());
  x.dispose();
  backend.device.queue.submit([other.finish()]);
  second.dispose();
  expect(await submit()).toBe(null);
  first.dispose();
  expect(await values(y)).toEqual(ONCE);
  await backend.sync();
});

test("a recording that is never disposed is freed with the backend", async () => {
  const y = column(7, 7);
  backend.record(encoder, () => apply(backend, op, b, { out: y }));
  expect(await submit()).toBe(null);
  expect(await values(y)).toEqual(ONCE);
});
