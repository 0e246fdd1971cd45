import { testBackend } from "@dlrt/conformance";
import { test } from "vitest";
import { createWebGpuBackend } from "../src/node.js";

// Sized for a software device: a pipeline takes 0.1 to 0.5 s to compile there. The seed is fixed, so that a run that
// passed passes again. All of it, with fresh seeds: `test:long`.
const budget = { seed: 1, maxN: 300, maxWork: 2 ** 15, cases: 3, skip: ["65535"] };

testBackend({ test, create: () => createWebGpuBackend({ selfTest: false }), ...budget });
