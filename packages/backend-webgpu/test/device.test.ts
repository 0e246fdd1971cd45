import { DeviceLostError, solve } from "@dlrt/core";
import { expect, test } from "vitest";
import { requestDevice } from "../src/device.js";
import { createWebGpuBackend, nodeGpu } from "../src/node.js";
import { problem, upload, worstOmega } from "./support/problem.js";

test("a foreign device is used and outlives its backend", async () => {
  const device = await requestDevice(await nodeGpu());
  const backend = await createWebGpuBackend({ device, selfTest: false });
  expect(backend.device).toBe(device);
  await backend.dispose();
  const again = await createWebGpuBackend({ device, selfTest: false });
  const t = again.upload({ data: Float32Array.of(1, 2), shape: [1, 2, 1] });
  expect([...(await again.read(t))]).toEqual([1, 2]);
  await again.dispose();
  device.destroy();
});

test("device loss: pending and later reads reject, and a new backend works at once", async () => {
  const lost = await createWebGpuBackend({ selfTest: false });
  const of = problem(1, 100, 4, 4);
  const { op, b } = upload(lost, of);
  const y = solve(lost, op, b);
  const pending = [lost.read(y), lost.sync()];
  lost.device.destroy();
  const outcomes = await Promise.allSettled([
    ...pending,
    lost.device.lost.then(() => lost.read(y)),
    lost.sync(),
  ]);
  for (const outcome of outcomes.slice(2)) {
    expect(outcome.status).toBe("rejected");
    expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(DeviceLostError);
  }
  for (const outcome of outcomes.slice(0, 2)) {
    if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(DeviceLostError);
  }
  solve(lost, op, b).dispose(); // what is enqueued goes nowhere, and does no harm
  await lost.dispose();

  const fresh = await createWebGpuBackend({ selfTest: false });
  const { op: op2, b: b2 } = upload(fresh, of);
  expect(worstOmega(of, await fresh.read(solve(fresh, op2, b2)))).toBeLessThanOrEqual(16);
  await fresh.dispose();
});

test("a software device says so", async () => {
  const backend = await createWebGpuBackend({ selfTest: false });
  const expected = /swiftshader|llvmpipe/i.test(backend.supports.build);
  expect(backend.supports.software).toBe(expected);
  await backend.dispose();
});
