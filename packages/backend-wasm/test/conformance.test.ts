import { createWasmBackend } from "@dlrt/backend-wasm";
import { testBackend } from "@dlrt/conformance";
import { describe, test } from "vitest";
import { BUILDS } from "./problem.js";

describe.each(BUILDS)("$build, relaxed: $relaxed", (options) => {
  testBackend({ test, create: () => createWasmBackend({ ...options, threads: 2 }) });
});
