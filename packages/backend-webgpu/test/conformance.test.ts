import { testBackend } from "@dlrt/conformance";
import { test } from "vitest";
import { createWebGpuBackend } from "../src/node.js";

// Sized for a software device: SwiftShader compiles a pipeline for 0.1 to 0.5 s and computes 10⁸ products a second.
const budget = { maxN: 1000, maxWork: 2 ** 16, cases: 5 };

testBackend({ test, create: () => createWebGpuBackend({ selfTest: false }), ...budget });
