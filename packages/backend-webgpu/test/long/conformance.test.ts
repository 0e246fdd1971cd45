import { testBackend } from "@dlrt/conformance";
import { test } from "vitest";
import { createWebGpuBackend } from "../../src/node.js";

testBackend({ test, create: () => createWebGpuBackend({ selfTest: false }), timeout: 3_600_000 });
