import { createWasmBackend } from "@dlrt/backend-wasm";
import { testBackend } from "@dlrt/conformance";
import { describe, test } from "vitest";
import { BUILDS } from "./problem.js";

describe.each(BUILDS)("$build, relaxed: $relaxed", (options) => {
  // The fused builds come from the same sources: every case of the suite, but fewer random ones. The long run draws fresh
  // seeds, and hundreds for each build.
  const cases = options.relaxed ? 4 : 10;
  testBackend({ test, seed: 1, cases, create: () => createWasmBackend({ ...options, threads: 2 }) });
});
