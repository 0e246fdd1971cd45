import { apply, DlrtError, inverse, solve, trilInverse, UnsupportedError, ValueError } from "@dlrt/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWebGpuBackend as createInBrowser } from "../src/index.js";
import { createWebGpuBackend, nodeGpu, type WebGpuBackend } from "../src/node.js";
import { TENSOR } from "../src/usage.js";
import { problem, upload, worstOmega } from "./support/problem.js";
import { onSharedDevice, restoreDevice } from "./support/shared-device.js";

const revoked = Proxy.revocable({}, {});
revoked.revoke();

const CASES: [options: unknown, message: RegExp][] = [
  [null, /^options: expected an object with options, got null$/],
  ["fast", /^options: expected an object with options, got "fast"$/],
  [revoked.proxy, /^options: expected an object with options/],
  [{ selftest: false }, /^options: .*got "selftest" \(did you mean selfTest\?\)$/],
  [{ scratchBytes: 1 }, /^options: .*got "scratchBytes"/],
  [{ scan: "no" }, /^scan: expected one of auto, sequential, parallel, got "no"$/],
  [{ scan: null }, /^scan: .*got null$/],
  [{ powerPreference: "high" }, /^powerPreference: .*got "high"$/],
  [{ chunk: 7 }, /^chunk: expected one of 16, 32, 64, got 7$/],
  [{ chunk: "16" }, /^chunk: .*got "16"$/],
  [{ scanGroups: -1 }, /^scanGroups: expected an integer ≥ 1, got -1$/],
  [{ scanGroups: 1.5 }, /^scanGroups: .*got 1.5$/],
  [{ width: 0 }, /^width: expected an integer ≥ 1, got 0$/],
  [{ width: Number.NaN }, /^width: .*got NaN$/],
  [{ maxBindingBytes: Number.NaN }, /^maxBindingBytes: expected a number > 0, got NaN$/],
  [{ maxScratchBytes: -5 }, /^maxScratchBytes: .*got -5$/],
  [{ maxSubmitFlops: 0 }, /^maxSubmitFlops: .*got 0$/],
  [{ maxSubmitFlops: "1e9" }, /^maxSubmitFlops: .*got "1e9"$/],
  [{ selfTest: "yes" }, /^selfTest: expected a boolean, got "yes"$/],
  [{ device: null }, /^device: expected a GPUDevice, got null$/],
  [{ device: {} }, /^device: expected a GPUDevice, got an object/],
  [{ device: 5 }, /^device: .*got 5$/],
  [{ device: revoked.proxy }, /^device: expected a GPUDevice/],
  [{ gpu: null }, /^gpu: expected a GPU .*got null$/],
  [{ gpu: { requestDevice: 1 } }, /^gpu: expected a GPU .*got an object/],
];

test("bad options are refused by name, in Node and in browsers alike", async () => {
  for (const [options, message] of CASES) {
    for (const create of [createWebGpuBackend, createInBrowser]) {
      const error: unknown = await create(options as never).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ValueError);
      expect((error as Error).message).toMatch(message);
    }
  }
});

test("a GPU that throws, or gives nothing that can be used, is unsupported", async () => {
  const adapters = [
    () => {
      throw new TypeError("no");
    },
    () => Promise.reject(new TypeError("no")),
    () => Promise.resolve(null),
    () => Promise.resolve({}),
  ];
  for (const requestAdapter of adapters) {
    const creating = createWebGpuBackend({ gpu: { requestAdapter } as unknown as GPU });
    await expect(creating).rejects.toBeInstanceOf(UnsupportedError);
  }
  await expect(nodeGpu("flag" as never)).rejects.toThrow(/^flags: expected an array of strings/);
});

test("the smallest budgets still give right results", async () => {
  const budgets = { maxBindingBytes: 1, maxScratchBytes: 1, maxSubmitFlops: 1 };
  const backend = await onSharedDevice(budgets);
  const of = problem(2, 40, 3, 2);
  const { op, b } = upload(backend, of);
  const y = solve(backend, op, b);
  expect(worstOmega(of, await backend.read(y))).toBeLessThanOrEqual(16);
  const back = await backend.read(apply(backend, op, y));
  expect(back.reduce((max, value, i) => Math.max(max, Math.abs(value - of.b[i]!)), 0)).toBeLessThan(1e-5);
  const a = backend.upload({ data: Float32Array.of(2, 0, 3, 0.5, 4, 0, 1, 1), shape: [2, 2, 2] });
  expect([...(await backend.read(trilInverse(backend, a)))]).toEqual([0.5, 0, -3, 2, 0.25, 0, -0.25, 1]);
  const small = upload(backend, problem(1, 2, 1, 1));
  expect((await backend.read(inverse(backend, small.op)))[0]).toBe(1);
  await backend.dispose();
});

describe("arguments of the backend's own methods", () => {
  let backend: WebGpuBackend;
  beforeAll(async () => {
    backend = await onSharedDevice();
  });
  afterAll(async () => {
    await backend.dispose();
    restoreDevice(backend.device);
  });

  test("wrap, record and prepare name what is wrong", async () => {
    const buffer = backend.device.createBuffer({ size: 64, usage: TENSOR });
    const encoder = backend.device.createCommandEncoder();
    const sizes = { batch: 1, n: 4, r: 2, p: 1 };
    const calls: [() => unknown, RegExp][] = [
      [() => backend.wrap(undefined as never, [1, 1, 1]), /^buffer: expected a GPUBuffer, got undefined$/],
      [() => backend.wrap(null as never, [1, 1, 1]), /^buffer: expected a GPUBuffer, got null$/],
      [() => backend.wrap({} as never, [1, 1, 1]), /^buffer: expected a GPUBuffer, got an object/],
      [() => backend.wrap(buffer, [1, 1, 1], Number.NaN), /^offset: .*got NaN$/],
      [() => backend.record(undefined as never, () => undefined), /^encoder: .*got undefined$/],
      [() => backend.record({} as never, () => undefined), /^encoder: .*got an object/],
      [() => backend.record(encoder, 5 as never), /^work: expected a function, got 5$/],
    ];
    for (const [call, message] of calls) {
      expect(call).toThrow(DlrtError);
      expect(call).toThrow(message);
    }
    const prepares: [unknown, RegExp][] = [
      [undefined, /^prepare: /],
      [null, /^prepare: /],
      [{ kernel: "slove", ...sizes }, /^kernel: .*got "slove"$/],
      [{ kernel: "solve", ...sizes, n: Number.NaN }, /^n: expected an integer ≥ 0, got NaN$/],
      [{ kernel: "solve", ...sizes, chunk: 0 }, /^chunk: /],
      [{ kernel: "solve", ...sizes, dtype: "f64" }, /^dtype: .*got "f64"$/],
      [{ kernel: "solve", ...sizes, transpose: true }, /^prepare: .*did you mean trans\?/],
    ];
    for (const [p, message] of prepares) {
      const preparing = backend.prepare(p as never);
      await expect(preparing).rejects.toBeInstanceOf(DlrtError);
      await expect(preparing).rejects.toThrow(message);
    }
    buffer.destroy();
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test("what a tensor says of itself cannot be changed", () => {
    const t = backend.empty([1, 2, 1]);
    for (const name of ["buffer", "offset", "shape", "dtype", "backend", "storage", "byteOffset"] as const) {
      expect(() => Object.assign(t, { [name]: undefined })).toThrow(TypeError);
      expect(t[name]).toBeDefined();
    }
    t.dispose();
  });

  test("prepare says what the compiler refused, and the operation compiles for itself then", async () => {
    const { device } = backend;
    device.createComputePipelineAsync = () => Promise.reject(new TypeError("too complex"));
    const preparing = backend.prepare({ kernel: "trilInverse", batch: 1, n: 2, r: 0, p: 0 });
    await expect(preparing).rejects.toThrow(/^prepare: .*too complex/);
    await expect(preparing).rejects.toBeInstanceOf(UnsupportedError);
    restoreDevice(device);
    const a = backend.upload({ data: Float32Array.of(2, 0, 3, 0.5), shape: [1, 2, 2] });
    const x = trilInverse(backend, a);
    expect([...(await backend.read(x))]).toEqual([0.5, 0, -3, 2]);
    [a, x].forEach((t) => t.dispose());
  });
});
