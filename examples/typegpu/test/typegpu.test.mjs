import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("between two kernels of TypeGPU, a layer gives what it gives in float64, and leaves nothing", () => {
  const start = fileURLToPath(new URL("../start.mjs", import.meta.url));
  const lines = execFileSync(process.execPath, [start], { encoding: "utf8" }).trim().split("\n");
  expect(lines).toEqual([
    "largest difference from float64, relative: below 1e-6",
    "left on the device: 0 tensors, 0 bytes",
  ]);
});
