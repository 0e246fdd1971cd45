import { createWasmBackend } from "@dlrt/backend-wasm";
import { testLayers } from "@dlrt/conformance";
import { test } from "vitest";

// Every case of the suite, but fewer random ones than in `test:long`.
testLayers({ test, seed: 1, cases: 10, create: () => createWasmBackend({ threads: 2 }) });
