import { testBackend } from "@dlrt/conformance";
import { test } from "vitest";
import { createWebGpuBackend } from "../src/node.js";

// The other way to scan, forced: whatever calls `solve` again, with the maps of its chunks composed.
const options = { selfTest: false, scan: "parallel" } as const;
const skip = [
  "apply ›",
  "inverse ›",
  "trilInverse",
  "gradients",
  "apply,",
  "65535",
  "f32: apply",
  "f32: inverse",
];

testBackend({
  test,
  create: () => createWebGpuBackend(options),
  maxN: 1000,
  maxWork: 2 ** 16,
  cases: 5,
  skip,
});
