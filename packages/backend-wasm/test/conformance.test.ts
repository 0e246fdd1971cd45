import { createWasmBackend } from "@dlrt/backend-wasm";
import { testBackend } from "@dlrt/conformance";
import { describe, test } from "vitest";

describe.each([
  { build: "simd", relaxed: false },
  { build: "simd+threads", relaxed: false },
  { build: "simd", relaxed: true },
  { build: "simd+threads", relaxed: true },
] as const)("$build, relaxed: $relaxed", (options) => {
  testBackend({ test, create: () => createWasmBackend({ ...options, threads: 2 }) });
});
