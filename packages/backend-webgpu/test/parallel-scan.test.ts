import { testBackend } from "@dlrt/conformance";
import { test } from "vitest";
import { createWebGpuBackend } from "../src/node.js";

// The other way to scan, forced upon whatever calls `solve`: the affine maps of its chunks composed in groups.
const create = () => createWebGpuBackend({ selfTest: false, scan: "parallel", width: 64 });
const others = [
  "apply",
  "inverse",
  "trilInverse",
  "gradients",
  "65535",
  "views",
  "bad input",
  "order",
  "lifetime",
];
const rest = ["every awkward size", "determinism", "supports"];

testBackend({ test, create, maxN: 1000, maxWork: 2 ** 16, cases: 6, skip: [...others, ...rest] });
