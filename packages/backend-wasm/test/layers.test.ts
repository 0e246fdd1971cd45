import { createWasmBackend } from "@dlrt/backend-wasm";
import { testLayers } from "@dlrt/conformance";
import { test } from "vitest";

testLayers({ test, seed: 1, create: () => createWasmBackend({ threads: 2 }) });
