import { apply, ShapeError, solve, ValueError } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../src/node.js";
import { TENSOR } from "../src/usage.js";
import { problem, upload, worstOmega } from "./support/problem.js";
import { onSharedDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
beforeAll(async () => {
  backend = await onSharedDevice();
});
afterAll(() => backend.dispose());

test("a chain of ten operations is one submit, its temporaries disposed at once", async () => {
  const of = problem(2, 70, 4, 5);
  const { op, b, dispose } = upload(backend, of);
  const before = backend.submits;
  let t: GpuTensor = solve(backend, op, b);
  for (let step = 0; step < 4; step++) {
    const there = apply(backend, op, t);
    t.dispose();
    t = solve(backend, op, there);
    there.dispose();
  }
  const last = apply(backend, op, t);
  expect(backend.submits).toBe(before);
  const y = await backend.read(t);
  expect(backend.submits).toBe(before + 1);
  expect(worstOmega(of, y)).toBeLessThanOrEqual(60); // four round trips have added their errors to that of the solve
  [t, last].forEach((tensor) => tensor.dispose());
  dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("wrap: everything in one buffer of the caller's, at awkward offsets, neither copied nor destroyed", async () => {
  const of = problem(1, 50, 3, 4);
  const parts = [of.diag, of.q, of.k, of.b, of.b];
  const shapes = [
    [1, 50, 1],
    [1, 50, 3],
    [1, 50, 3],
    [1, 50, 4],
    [1, 50, 4],
  ] as const;
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 4);
  const arena = backend.device.createBuffer({ size: bytes, usage: TENSOR });
  let offset = 4;
  const wrapped = parts.map((part, i) => {
    backend.device.queue.writeBuffer(arena, offset, part as Float32Array<ArrayBuffer>);
    const t = backend.wrap(arena, shapes[i]!, offset);
    offset += part.byteLength;
    return t;
  });
  const [diag, q, k, b, out] = wrapped as [GpuTensor, GpuTensor, GpuTensor, GpuTensor, GpuTensor];
  expect(b.buffer).toBe(arena);
  expect(backend.memory()).toEqual({ tensors: 5, bytes: 0 });
  solve(backend, { diag, q, k }, b, { out });
  expect(worstOmega(of, await backend.read(out))).toBeLessThanOrEqual(16);
  expect([...(await backend.read(b))]).toEqual([...of.b]);
  wrapped.forEach((t) => t.dispose());
  const again = backend.wrap(arena, [1, 50, 4], bytes - of.b.byteLength);
  expect(worstOmega(of, await backend.read(again))).toBeLessThanOrEqual(16);
  again.dispose();
  arena.destroy();
});

test("wrap refuses what cannot work", () => {
  const buffer = backend.device.createBuffer({ size: 64, usage: TENSOR });
  expect(() => backend.wrap(buffer, [1, 17, 1])).toThrow(ShapeError);
  expect(() => backend.wrap(buffer, [1, 16, 1], 4)).toThrow(ShapeError);
  expect(() => backend.wrap(buffer, [1, 4, 1], 2)).toThrow(ValueError);
  const opaque = backend.device.createBuffer({ size: 64, usage: 0x80 });
  expect(() => backend.wrap(opaque, [1, 4, 1])).toThrow(ValueError);
  buffer.destroy();
  opaque.destroy();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("record: into the caller's encoder, run when the caller submits", async () => {
  const of = problem(1, 70, 4, 3);
  const { op, b, dispose } = upload(backend, of);
  const out = backend.upload({ data: new Float32Array(70 * 3).fill(Number.NaN), shape: [1, 70, 3] });
  await backend.sync();
  const submits = backend.submits;
  const encoder = backend.device.createCommandEncoder();
  const recording = backend.record(encoder, () => {
    const there = apply(backend, op, b);
    solve(backend, op, there, { out });
    there.dispose(); // its buffer is kept until the recording is disposed
  });
  const commands = encoder.finish();
  expect(backend.submits).toBe(submits);
  await expect(backend.read(out)).rejects.toThrow(/submitted/);
  backend.device.queue.submit([commands]);
  recording.dispose();
  const got = await backend.read(out);
  const worst = got.reduce((max, value, i) => Math.max(max, Math.abs(value - of.b[i]!)), 0);
  expect(worst).toBeLessThan(1e-5);
  out.dispose();
  dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("prepare compiles what the call then uses", async () => {
  const fresh = await onSharedDevice();
  await fresh.prepare({ kernel: "solve", batch: 1, n: 70, r: 4, p: 3 });
  const compile = fresh.device.createComputePipeline.bind(fresh.device);
  let compiled = 0;
  fresh.device.createComputePipeline = (of) => {
    compiled += 1;
    return compile(of);
  };
  const { op, b } = upload(fresh, problem(1, 70, 4, 3));
  const state = fresh.upload({ data: new Float32Array(12), shape: [1, 4, 3] });
  await fresh.read(solve(fresh, op, b, { initialState: state, finalState: state }));
  expect(compiled).toBe(0);
  await fresh.dispose();
});
