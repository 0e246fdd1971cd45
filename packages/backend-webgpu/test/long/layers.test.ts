import { testLayers } from "@dlrt/conformance";
import { test } from "vitest";
import { createWebGpuBackend } from "../../src/node.js";

// On a software device beside other work a single read of the largest cases waits for minutes of computing.
const limits = { stepTimeout: 1_800_000, timeout: 3_600_000 };

testLayers({ test, create: () => createWebGpuBackend({ selfTest: false }), ...limits });
