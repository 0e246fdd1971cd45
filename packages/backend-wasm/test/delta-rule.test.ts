import { unitRoundoff, type Backend } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base, drawn, fused, gates, kinds, recurrence, worst, type Case, type Elements } from "./delta.js";
import { BUILDS } from "./problem.js";

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

function expectRight(
  backends: readonly Backend<WasmTensor>[],
  given: Case,
  x: Elements = drawn(given),
  chunk?: number,
): void {
  const want = recurrence(given, x);
  for (const backend of backends) {
    const got = fused(backend, given, x, chunk);
    for (const name of ["out", "finalState"] as const) {
      const error = worst(got[name], want[name]) / want.size[name] / unitRoundoff[given.dtype];
      expect(error, `${backend.supports.build}: ${name} ${JSON.stringify(given)}`).toBeLessThanOrEqual(8);
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

  const wanted = (["f32", "f64"] as const).flatMap((dtype) => kinds.map((kind) => ({ dtype, ...kind })));
  test.each(wanted)("$dtype, decay $decay, an erase key of its own: $own: every size and gate", (kind) => {
    for (const [n, r, p] of sizes) {
      for (const gate of gates) {
        const given = { ...base, n, r, p, ...kind, ...gate };
        expectRight(backends, given);
        expectRight(backends, { ...given, state: false, eps: 1e-6 });
      }
    }
    for (const backend of backends) expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });
});

const decays = ["none", "row", "channel"] as const;
const dtypes = ["f32", "f64"] as const;

describe("one thread", () => {
  let backend: Backend<WasmTensor>;
  beforeAll(async () => {
    backend = await createWasmBackend({ threads: 1 });
  });
  afterAll(() => backend.dispose());

  test.each(dtypes)("%s: any chunk", (dtype) => {
    for (const kind of kinds) {
      for (const chunk of [1, 2, 3, 4, 7, 8, 13, 24, 32, 100]) {
        const given = { ...base, dtype, n: 70, r: 9, p: 11, ...kind };
        expectRight([backend], given, drawn(given), chunk);
      }
    }
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  });

  test.each(dtypes)("%s: nothing to read, nothing to write", (dtype) => {
    const empty: Case = { ...base, dtype, n: 0 };
    const x = drawn(empty);
    expect(fused(backend, empty, x).finalState).toEqual(x.initialState);
    for (const n of [2, 20]) {
      for (const decay of decays) {
        const rankless: Case = { ...base, dtype, n, r: 0, decay };
        const value = drawn(rankless).value as Float32Array;
        value[3] = Infinity;
        expect(fused(backend, rankless, { ...drawn(rankless), value }).out.every((y) => y === 0)).toBe(true);
      }
    }
  });

  test.each(dtypes)(
    "%s: a number that is not finite stays in its column, and in the rows from its own on",
    (dtype) => {
      for (const n of [4, 40]) {
        for (const kind of kinds) {
          const given: Case = { ...base, dtype, n, r: 6, p: 11, ...kind, batch: 1 };
          const x = drawn(given);
          const value = (x.value as Float32Array).slice();
          const row = n - 2;
          value[row * 11 + 9] = Infinity;
          const [right, got] = [fused(backend, given, x), fused(backend, given, { ...x, value })];
          got.out.forEach((y, i) => {
            if (i % 11 === 9 && Math.floor(i / 11) >= row) expect(Number.isFinite(y)).toBe(false);
            else expect(y).toBe(right.out[i]);
          });
        }
      }
    },
  );
});
