import { createWasmBackend } from "@dlrt/backend-wasm";
import { testBackend } from "@dlrt/conformance";
import { describe, test } from "vitest";

// One build without threads and without the fused multiply-add, one with both: threads.test.ts holds every build to the bits of that
// with as many fused operations, and the long run judges all four, on fresh seeds and hundreds of random cases. The fused builds come
// from the same sources: every case of the suite, but fewer random ones.
describe.each([
  { build: "simd", relaxed: false, cases: 10 },
  { build: "simd+threads", relaxed: true, cases: 4 },
] as const)("$build, relaxed: $relaxed", ({ cases, ...options }) => {
  testBackend({ test, seed: 1, cases, create: () => createWasmBackend({ ...options, threads: 2 }) });
});
