import { testBackend } from "@dlrt/conformance";
import { test } from "vitest";
import { createWebGpuBackend } from "../src/node.js";

// Sized for a software device: a pipeline takes 0.1 to 0.5 s to compile there. All of it: `test:long`. 4224 rows of rank 1
// are 66 chunks of 64, as many as it takes to see a state that forgets what its roundings took.
const budget = { maxN: 4224, maxWork: 2 ** 15, cases: 3, skip: ["65535"], stepTimeout: 300_000 };

testBackend({ test, create: () => createWebGpuBackend({ selfTest: false }), ...budget });
