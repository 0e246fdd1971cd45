import { readFileSync } from "node:fs";
import { createJsBackend } from "@dlrt/backend-js";
import { expect, test } from "vitest";
import { layerErrors, readTable } from "../layers-errors.mjs";

const readme = readFileSync(new URL("../../packages/linear-attention/README.md", import.meta.url), "utf8");
const stated = readTable(readme);

test("the layers' README has every backend and every layer, each within 1e-6", async () => {
  expect(stated.map(([name]) => name)).toEqual(["js", "wasm", "webgpu"]);
  for (const [name, errors] of stated) {
    expect([...errors.keys()], name).toEqual([...stated[0][1].keys()]);
    for (const [layer, error] of errors) {
      expect(error, `${layer} on ${name}`).toBeGreaterThan(0);
      expect(error, `${layer} on ${name}`).toBeLessThanOrEqual(1e-6);
    }
  }
});

test("its errors on backend-js are those measured", async () => {
  const measured = await layerErrors(createJsBackend);
  const [, js] = stated[0];
  expect([...js.keys()]).toEqual([...measured.keys()]);
  // Rounded to two digits, and the reference's Math.exp may differ in its last bit.
  for (const [layer, error] of measured)
    expect(Math.abs(error - js.get(layer)), layer).toBeLessThanOrEqual(0.06 * error);
});
