import { createJsBackend } from "@dlrt/backend-js";
import { createWebGpuBackend, type WebGpuBackend } from "@dlrt/backend-webgpu/node";
import type { Backend } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { padded, spoil } from "../conv-padding.js";
import { sides } from "../padded-batch.js";
import { errorOf } from "../layers.js";
import { cuts, mixerError } from "../mixer.js";

let gpu: WebGpuBackend;
let backend: Backend;
beforeAll(async () => {
  gpu = await createWebGpuBackend({ selfTest: false });
  backend = gpu as unknown as Backend;
});
afterAll(() => gpu.dispose());

test.each(cuts.map((bounds) => [bounds]))(
  "a whole token mixer against plain loops, bounds %j",
  async (bounds) => {
    expect(await mixerError(backend, "f32", bounds)).toBeLessThan(2e-6);
  },
);

test.each(sides)("a convolution padded on the %s: NaN beside the tokens reaches nothing", async (side) => {
  const js = createJsBackend() as unknown as Backend;
  const expected = await padded(js, side, { dtype: "f32" });
  for (const how of [{}, { layout: "bct" }, { byHeads: true }] as const) {
    const got = await padded(backend, side, { dtype: "f32", ...how });
    expect(Object.keys(got)).toEqual(Object.keys(expected));
    for (const [name, array] of Object.entries(expected))
      expect(errorOf(got[name]!, Float64Array.from(array)), name).toBeLessThan(1e-6);
    for (const name of ["output", "x"] as const) expect(spoil(got[name]!, side, 0)).toEqual(got[name]);
    expect(got["finalState"]).toEqual(expected["finalState"]);
  }
});
