import { createWasmBackend } from "@dlrt/backend-wasm";
import { testBackend } from "@dlrt/conformance";
import { describe, test } from "vitest";

describe.each([1, 2])("%s threads", (threads) => {
  testBackend({ test, create: () => createWasmBackend({ threads }) });
});
