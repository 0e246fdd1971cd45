import { unitRoundoff, type Backend } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drawn, fused, recurrence, worst, type Case } from "./delta.js";
import { BUILDS } from "./problem.js";

const base: Case = {
  dtype: "f32",
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

/** Sizes around every tile, panel and chunk: the fused chunks and the row-by-row way for n ≤ 4. */
const sizes: readonly (readonly [n: number, r: number, p: number])[] = [
  [1, 1, 1],
  [1, 64, 64],
  [2, 5, 3],
  [3, 3, 17],
  [4, 20, 33],
  [5, 4, 8],
  [7, 1, 1],
  [15, 6, 9],
  [16, 7, 31],
  [17, 8, 16],
  [33, 13, 24],
  [50, 66, 40],
  [40, 260, 12],
];

const gates = (["one", "channels"] as const).flatMap((erase) =>
  (["none", "one", "columns"] as const)
    .filter((write) => erase === "one" || write !== "none")
    .map((write) => ({ erase, write })),
);

function check(backend: Backend<WasmTensor>, given: Case, chunk?: number): void {
  const x = drawn(given);
  const want = recurrence(given, x);
  const got = fused(backend, given, x, chunk);
  for (const name of ["out", "finalState"] as const) {
    const error = worst(got[name], want[name]) / want.size[name] / unitRoundoff[given.dtype];
    expect(error, `${name} ${JSON.stringify(given)}`).toBeLessThanOrEqual(8);
  }
}

describe.each(BUILDS)("$build, relaxed: $relaxed", ({ build, relaxed }) => {
  let backend: Backend<WasmTensor>;
  beforeAll(async () => {
    backend = await createWasmBackend({ build, relaxed, threads: build === "simd" ? 1 : 2 });
  });
  afterAll(() => backend.dispose());

  test.each(["f32", "f64"] as const)("%s: every size, gate and decay", (dtype) => {
    for (const [n, r, p] of sizes) {
      for (const decay of ["none", "row", "channel"] as const) {
        for (const gate of gates) {
          const given = { ...base, dtype, n, r, p, decay, ...gate };
          check(backend, given);
          check(backend, { ...given, state: false, eps: 1e-6 });
        }
      }
    }
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });
});
