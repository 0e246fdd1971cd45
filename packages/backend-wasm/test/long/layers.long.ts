import { createWasmBackend } from "@dlrt/backend-wasm";
import { testLayers } from "@dlrt/conformance";
import { describe, test } from "vitest";
import { BUILDS } from "../problem.js";

describe.each(BUILDS)("$build, relaxed: $relaxed", (options) => {
  const create = () => createWasmBackend({ ...options, threads: 2 });
  testLayers({ test, create, cases: 400, timeout: 1_800_000 });
});
