import { testLayers } from "@dlrt/conformance";
import { test } from "vitest";
import { createWebGpuBackend } from "../src/node.js";

// Sized for a software device: a pipeline takes 0.1 to 0.5 s to compile there. All of it: `test:long`.
const budget = { maxN: 4224, maxWork: 2 ** 13, cases: 3, skip: ["65535"], stepTimeout: 300_000 };

testLayers({ test, create: () => createWebGpuBackend({ selfTest: false }), ...budget });
