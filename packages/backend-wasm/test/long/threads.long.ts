import { createWasmBackend } from "@dlrt/backend-wasm";
import { solve } from "@dlrt/core";
import { expect, test, vi } from "vitest";
import { problem } from "../problem.js";

test("a helper that hangs in the midst of an item fails that call after its patience, and only that call", async () => {
  vi.stubEnv("FAULT", "hangs");
  const workerUrl = new URL("../faulty-worker.mjs", import.meta.url);
  const backend = await createWasmBackend({ threads: 2, workerUrl });
  const { op, b } = problem(backend, "f32", [1, 60_000, 32, 64]);
  const call = (): void => {
    for (let attempt = 0; attempt < 200; attempt++) solve(backend, op, b).dispose();
  };
  expect(call).toThrow(expect.objectContaining({ code: "DEVICE_LOST" }));
  await backend.sync();
  expect(backend.supports.build).toBe("simd+threads (2)");
  expect(solve(backend, op, b).data.every(Number.isFinite)).toBe(true);
  await backend.dispose();
}, 120_000);
