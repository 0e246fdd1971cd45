import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../src/node.js";
import { gates } from "./support/decay.js";
import { DELTA_LIMIT, deltaProblem } from "./support/delta-problem.js";
import { composed, farthest, fused, recurrence, type DeltaProblem } from "./support/delta-rule.js";
import { onSharedDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
let pieces: WebGpuBackend;
let parallel: WebGpuBackend;
beforeAll(async () => {
  backend = await onSharedDevice({ chunk: 16 });
  const others = { chunk: 16 } as const;
  pieces = await onSharedDevice({ ...others, maxScratchBytes: 16384, maxSubmitFlops: 50_000 });
  parallel = await onSharedDevice({ ...others, scan: "parallel", scanGroups: 3 });
});
afterAll(async () => {
  await pieces.dispose();
  await parallel.dispose();
  await backend.dispose();
});

test.each([
  ["none", false],
  ["row", false],
  ["channel", false],
  ["none", true],
  ["row", true],
] as const)(
  "against the recurrence, decay: %s, an own erase key: %s; whole, in segments, and in groups",
  async (kind, own) => {
    for (const [shape, gated, eps] of [
      [{ batch: 2, n: 75, r: 6, p: 5 }, false, undefined],
      [{ batch: 2, n: 75, r: 6, p: 5 }, true, 1e-6],
      [{ batch: 1, n: 50, r: 12, p: 36 }, false, 1e-6],
      [{ batch: 3, n: 1, r: 4, p: 4 }, true, undefined],
    ] as const) {
      const of = deltaProblem({
        shape,
        gated,
        own,
        ...(kind !== "none" && { decay: kind }),
        ...(eps && { eps }),
      });
      const want = recurrence(of);
      // A scan in groups takes three more pipelines, which take long to compile: one kind of decay has to do.
      for (const on of kind === "row" ? [backend, pieces, parallel] : [backend, pieces]) {
        const got = await fused(on, of);
        expect(farthest(got.out, want.out)).toBeLessThanOrEqual(DELTA_LIMIT);
        expect(farthest(got.state, want.state)).toBeLessThanOrEqual(DELTA_LIMIT);
      }
      expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
    }
  },
);

test.each([
  [32, undefined, false],
  [64, "channel", false],
  [64, "row", true],
] as const)("chunks of %i rows, decay: %s, an own erase key: %s", async (chunk, decay, own) => {
  const gate = gates["as models produce"]!;
  const of = deltaProblem({ shape: { batch: 1, n: 140, r: 8, p: 8 }, own, ...(decay && { decay, gate }) });
  const want = recurrence(of);
  const got = await fused(backend, of, chunk);
  expect(farthest(got.out, want.out)).toBeLessThanOrEqual(DELTA_LIMIT);
  expect(farthest(got.state, want.state)).toBeLessThanOrEqual(DELTA_LIMIT);
});

const hard: Readonly<Record<string, (of: DeltaProblem) => void>> = {
  "identical keys, β = 2": ({ key, erase, shape: { r } }) => {
    key.forEach((_, at) => (key[at] = key[at % r]!));
    const length = Math.hypot(...key.subarray(0, r));
    key.forEach((value, at) => (key[at] = value / length));
    erase.fill(2);
  },
  "growth, β |k|² = 2.5": ({ key, erase, shape: { r } }) => {
    for (let at = 0; at < key.length; at += r) {
      const length = Math.hypot(...key.subarray(at, at + r));
      for (let m = at; m < at + r; m++) key[m]! /= length;
    }
    erase.fill(2.5);
  },
  "values a million times as large, then a reset": ({ value, decay, shape: { n, p } }) => {
    decay!.fill(-1 / 64);
    decay![Math.floor(n / 2)] = -Infinity;
    value.forEach((_, at) => (value[at]! *= at < Math.floor(n / 2) * p ? 2 ** 20 : 1));
  },
};

test.each(Object.keys(hard))("%s: no less accurate than solve and apply", async (name) => {
  for (const n of [60, 200]) {
    const of = deltaProblem({
      shape: { batch: 1, n, r: 5, p: 4 },
      ...(name.includes("reset") && { decay: "row" }),
    });
    hard[name]!(of);
    const want = recurrence(of);
    const rest = Math.floor(n / 2) * 4;
    const after = (data: ArrayLike<number>): number[] =>
      Array.from(data).slice(name.includes("reset") ? rest : 0);
    const [ours, theirs] = [await fused(backend, of), await composed(backend, of)];
    const limit = (got: ArrayLike<number>, exact: ArrayLike<number>): number =>
      4 + 1.5 * farthest(got, exact);
    expect(farthest(after(ours.out), after(want.out))).toBeLessThanOrEqual(
      limit(after(theirs.out), after(want.out)),
    );
    expect(farthest(ours.state, want.state)).toBeLessThanOrEqual(limit(theirs.state, want.state));
  }
});

test.each([false, true])(
  "65,536 equal rows that decay slowly, an own erase key: %s: the state is compensated from chunk to chunk",
  async (own) => {
    const n = 65536;
    const of = {
      shape: { batch: 1, n, r: 1, p: 1 },
      query: new Float32Array(n).fill(1),
      key: new Float32Array(n).fill(1e-3),
      value: new Float32Array(n).fill(1),
      erase: new Float32Array(n).fill(1),
      eraseKey: own ? new Float32Array(n).fill(1e-3) : undefined,
      decay: new Float32Array(n).fill(-1e-8),
      scale: 1,
    };
    const want = recurrence(of);
    const got = await fused(backend, of);
    expect(farthest(got.out, want.out)).toBeLessThanOrEqual(DELTA_LIMIT);
    expect(farthest(got.state, want.state)).toBeLessThanOrEqual(DELTA_LIMIT);
  },
);

test("no rows, no rank: the final state is the initial one, the output 0", async () => {
  for (const shape of [
    { batch: 2, n: 0, r: 3, p: 2 },
    { batch: 2, n: 3, r: 0, p: 2 },
  ]) {
    const of = deltaProblem({ shape });
    const got = await fused(backend, of);
    expect(Array.from(got.state)).toEqual(Array.from(of.initialState!));
    expect(Array.from(got.out)).toEqual(Array.from({ length: 2 * shape.n * 2 }, () => 0));
  }
});
