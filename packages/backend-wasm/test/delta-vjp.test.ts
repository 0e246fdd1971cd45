import { unitRoundoff, type Backend } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drawn, fusedGradients, gradientsOf, worst, type Case, type Elements } from "./delta.js";
import { BUILDS, random } from "./problem.js";

const base: Case = {
  dtype: "f64",
  batch: 2,
  n: 37,
  r: 16,
  p: 8,
  erase: "one",
  write: "none",
  decay: "none",
  scale: 0.25,
  state: true,
};

const sizes: readonly (readonly [n: number, r: number, p: number])[] = [
  [1, 1, 1],
  [2, 5, 3],
  [4, 20, 33],
  [7, 1, 1],
  [15, 6, 9],
  [17, 8, 16],
  [33, 13, 24],
  [50, 66, 100],
];

const gates = (["one", "channels"] as const).flatMap((erase) =>
  (["none", "one", "columns"] as const)
    .filter((write) => erase === "one" || write !== "none")
    .map((write) => ({ erase, write })),
);

/** Errors are at most `allowed` ε of what each gradient is measured by. */
function check(
  backends: readonly Backend<WasmTensor>[],
  given: Case,
  { x = drawn(given), chunk, allowed = 64 }: { x?: Elements; chunk?: number; allowed?: number } = {},
): void {
  const { dtype, batch, n, r, p } = given;
  const cotangent = random(dtype, [batch, n, p], 21, 2);
  const final = given.state ? random(dtype, [batch, r, p], 22, 2) : undefined;
  const { gradients, sizes } = gradientsOf(given, x, cotangent, final);
  for (const backend of backends) {
    const got = fusedGradients(backend, given, x, cotangent, final, chunk);
    for (const [name, values] of Object.entries(got)) {
      const error = worst(values, gradients[name]!) / (sizes[name] || 1) / unitRoundoff[dtype];
      const what = `${backend.supports.build}: ${name} ${JSON.stringify(given)}`;
      expect(error, what).toBeLessThanOrEqual(allowed);
    }
  }
}

describe("all builds", () => {
  let backends: Backend<WasmTensor>[];
  beforeAll(async () => {
    const create = ({ build, relaxed }: (typeof BUILDS)[number]): Promise<Backend<WasmTensor>> =>
      createWasmBackend({ build, relaxed, threads: build === "simd" ? 1 : 2 });
    backends = await Promise.all(BUILDS.map(create));
  });
  afterAll(async () => {
    await Promise.all(backends.map((backend) => backend.dispose()));
  });

  test.each(["f32", "f64"] as const)("%s: every size, gate and decay", (dtype) => {
    for (const [n, r, p] of sizes) {
      for (const decay of ["none", "row", "channel"] as const) {
        for (const gate of gates) {
          const given = { ...base, dtype, n, r, p, decay, ...gate };
          check(backends, given);
          check(backends, { ...given, state: false, eps: 1e-6 });
        }
      }
    }
    for (const backend of backends) expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });
});
