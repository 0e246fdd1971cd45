import { createWasmBackend } from "@dlrt/backend-wasm";
import { testBackend } from "@dlrt/conformance";
import { describe, test } from "vitest";
import { BUILDS } from "./problem.js";

describe.each(BUILDS)("$build, relaxed: $relaxed", (options) => {
  // the long run draws fresh seeds
  testBackend({ test, seed: 1, create: () => createWasmBackend({ ...options, threads: 2 }) });
});
