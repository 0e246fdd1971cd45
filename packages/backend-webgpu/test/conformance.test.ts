import { testBackend } from "@dlrt/conformance";
import { test } from "vitest";
import { createWebGpuBackend } from "../src/node.js";

// Sized for a software device: a pipeline takes 0.1 to 0.5 s to compile there. All of it: `test:long`.
const budget = { maxN: 300, maxWork: 2 ** 15, cases: 3, skip: ["65535"] };

testBackend({ test, create: () => createWebGpuBackend({ selfTest: false }), ...budget });
