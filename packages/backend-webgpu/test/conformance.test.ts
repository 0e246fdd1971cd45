import { testBackend } from "@dlrt/conformance";
import { describe, test } from "vitest";
import { createWebGpuBackend } from "../src/node.js";
import { onSharedDevice } from "./support/shared-device.js";

// The sizes are for a device in software, where half of the time goes into compiling pipelines; `test:long` has all of the
// suite, each backend on a device of its own. 4224 rows of rank 1 are 66 chunks of 64 rows, as many as it takes to see a
// state that forgets what its roundings took. Inverses with decay, which take pipelines of their own for each size of a
// chunk, are judged with chunks of 16 rows in decay-kernels.test.ts, and with the others in `test:long`.
const skip = ["65535", "inverse › f32, decay"];
const budget = { maxN: 4224, maxWork: 2 ** 15, cases: 2, skip, stepTimeout: 300_000 };

testBackend({ test, create: () => onSharedDevice(), ...budget });

describe("each backend on a device of its own", () => {
  const only = ["order › dispose with work in flight"];
  testBackend({ test, create: () => createWebGpuBackend({ selfTest: false }), ...budget, only });
});
