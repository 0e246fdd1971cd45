import { heads } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWebGpuBackend, type GpuTensor, type WebGpuBackend } from "../src/node.js";
import { gates } from "./support/decay.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import { watchDispatches } from "./support/dispatches.js";
import {
  composed,
  farthest,
  fused,
  recurrence,
  uploadDelta,
  type DeltaProblem,
} from "./support/delta-rule.js";

let backend: WebGpuBackend;
let pieces: WebGpuBackend;
let parallel: WebGpuBackend;
let dispatches: { take(): string[] };
beforeAll(async () => {
  backend = await createWebGpuBackend({ selfTest: false, chunk: 16 });
  dispatches = watchDispatches(backend);
  // the others on its device, which compiles every pipeline once
  const others = { selfTest: false, chunk: 16, device: backend.device } as const;
  pieces = await createWebGpuBackend({ ...others, maxScratchBytes: 16384, maxSubmitFlops: 50_000 });
  parallel = await createWebGpuBackend({ ...others, scan: "parallel", scanGroups: 3 });
});
afterAll(async () => {
  await pieces.dispose();
  await parallel.dispose();
  await backend.dispose();
});

interface Wanted {
  readonly shape: DeltaProblem["shape"];
  readonly decay?: "row" | "channel";
  readonly gate?: string;
  /** Erase and write one number a channel each. */
  readonly gated?: boolean;
  /** The erase key is one of its own. */
  readonly own?: boolean;
  readonly eps?: number;
}

function problem({ shape, decay, gate = "resets", gated = false, own = false, eps }: Wanted): DeltaProblem {
  const { batch, n, r, p } = shape;
  const next = uniformFrom(batch + n + r + p);
  const fill = (count: number, scale = 1): Float32Array =>
    Float32Array.from({ length: batch * count }, () => scale * (2 * next() - 1));
  const channels = decay === "row" ? 1 : r;
  return {
    ...{ shape, eps, scale: 0.3 },
    query: fill(n * r),
    key: fill(n * r, eps === undefined ? 1 / Math.sqrt(r) : 5),
    value: fill(n * p),
    erase: fill(n * (gated ? r : 1)).map(Math.abs),
    eraseKey: own ? fill(n * r, eps === undefined ? 1 / Math.sqrt(r) : 5) : undefined,
    write: gated ? fill(n * p) : undefined,
    decay:
      decay &&
      Float32Array.from({ length: batch * n * channels }, (_, at) =>
        gates[gate]!(next, Math.floor(at / channels) % n, at % channels),
      ),
    initialState: fill(r * p),
  };
}

/** Errors where T⁻¹ is bounded, in ε of the largest number there is: roundings of r products, of the norms, of the chunk. */
const LIMIT = 12;

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
      const of = problem({ shape, gated, own, ...(kind !== "none" && { decay: kind }), ...(eps && { eps }) });
      const want = recurrence(of);
      // a scan in groups compiles three more pipelines
      for (const on of kind === "row" ? [backend, pieces, parallel] : [backend, pieces]) {
        const got = await fused(on, of);
        expect(farthest(got.out, want.out)).toBeLessThanOrEqual(LIMIT);
        expect(farthest(got.state, want.state)).toBeLessThanOrEqual(LIMIT);
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
  const gate = "as models produce";
  const of = problem({ shape: { batch: 1, n: 140, r: 8, p: 8 }, own, ...(decay && { decay, gate }) });
  const want = recurrence(of);
  const got = await fused(backend, of, chunk);
  expect(farthest(got.out, want.out)).toBeLessThanOrEqual(LIMIT);
  expect(farthest(got.state, want.state)).toBeLessThanOrEqual(LIMIT);
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
    const of = problem({
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
    expect(farthest(got.out, want.out)).toBeLessThanOrEqual(LIMIT);
    expect(farthest(got.state, want.state)).toBeLessThanOrEqual(LIMIT);
  },
);

test("no rows, no rank: the final state is the initial one, the output 0", async () => {
  for (const shape of [
    { batch: 2, n: 0, r: 3, p: 2 },
    { batch: 2, n: 3, r: 0, p: 2 },
  ]) {
    const of = problem({ shape });
    const got = await fused(backend, of);
    expect(Array.from(got.state)).toEqual(Array.from(of.initialState!));
    expect(Array.from(got.out)).toEqual(Array.from({ length: 2 * shape.n * 2 }, () => 0));
  }
});

test.each([
  [2, 5, 3],
  [3, 70, 20],
  [2, 128, 200],
])(
  "one token, %i heads, rank %i, %i columns: one dispatch, the state updated where it is",
  async (batch, r, p) => {
    for (const [decay, gated, eps, own = false] of [
      [undefined, false, undefined],
      ["row", false, 1e-6],
      ["channel", true, undefined],
      ["channel", true, 1e-6],
      [undefined, true, undefined, true],
      ["row", false, 1e-6, true],
    ] as const) {
      const shape = { batch, n: 1, r, p };
      const of = problem({ shape, gated, own, ...(decay && { decay }), ...(eps && { eps }) });
      const want = recurrence(of);
      const { params, dispose } = uploadDelta(backend, of);
      // written beside the initial state, in its place, and where a dispatch cannot write: in a buffer of the operands
      const together = backend.empty([2, batch * r, Math.max(p, r)]);
      const half = (entry: number, rows: number, cols: number): GpuTensor =>
        backend.view(together, [batch, rows, cols], {
          ...{ offset: entry * batch * r * Math.max(p, r), heads: 1, shared: 1 },
          ...{ batch: rows * cols, head: 0, row: cols },
        });
      const key = half(0, 1, r);
      backend.kernels.copy({ batch, rows: 1, cols: r, alpha: 1, trans: false, x: params.key, out: key });
      const finals = [params.finalState, half(1, r, p), params.initialState!];
      for (const finalState of finals) {
        backend.kernels.deltaRule!({ ...params, key, finalState });
        expect(farthest(await backend.read(params.out), want.out)).toBeLessThanOrEqual(LIMIT);
        expect(farthest(await backend.read(finalState), want.state)).toBeLessThanOrEqual(LIMIT);
      }
      dispatches.take();
      backend.kernels.deltaRule!({ ...params, finalState: params.initialState });
      await backend.sync();
      expect(dispatches.take()).toEqual(own ? ["scale-rows", "delta-step"] : ["delta-step"]);
      together.dispose();
      dispose();
    }
  },
);

test("heads of [B, T, H·D] as they lie, keys that two heads share, all in one buffer, the state in place", async () => {
  const [B, T, H, D] = [2, 40, 4, 4];
  const width = 3 * H * D + H * D + H;
  const next = uniformFrom(9);
  const all = backend.upload({
    data: Float32Array.from({ length: B * T * width }, () => next() - 0.5),
    shape: [B, T, width],
  });
  const part = (offset: number, cols: number): GpuTensor =>
    backend.view(all, [B, T, cols], { offset, heads: 1, shared: 1, batch: T * width, head: 0, row: width });
  const [query, key] = [0, H * D].map((at) => heads(backend, part(at, (H / 2) * D), H / 2, { shared: 2 }));
  const [value, out] = [2 * H * D, 3 * H * D].map((at) => heads(backend, part(at, H * D), H));
  const erase = heads(backend, part(4 * H * D, H), H);
  const operands = { query: query!, key: key!, value: value!, erase };
  const data = async (t: GpuTensor): Promise<Float32Array> => backend.read(t);
  const of = {
    shape: { batch: B * H, n: T, r: D, p: D },
    query: await data(operands.query),
    key: await data(operands.key),
    value: await data(operands.value),
    erase: await data(erase),
    initialState: Float32Array.from({ length: B * H * D * D }, () => next()),
    scale: 2,
  };
  const { params, dispose } = uploadDelta(backend, of);
  backend.kernels.deltaRule!(params);
  const state = params.initialState!;
  backend.kernels.deltaRule!({ ...params, ...operands, out: out!, finalState: state });
  expect(await data(out!)).toEqual(await data(params.out));
  expect(await data(state)).toEqual(await data(params.finalState));
  dispose();
  all.dispose();
});

test("prepare compiles what the calls then use, for one token and for many", async () => {
  const fresh = await createWebGpuBackend({ selfTest: false, chunk: 16, device: backend.device });
  const compile = fresh.device.createComputePipeline.bind(fresh.device);
  for (const n of [1, 20]) {
    const of = problem({ shape: { batch: 1, n, r: 4, p: 3 }, decay: "row", eps: 1e-6 });
    await fresh.prepare({ kernel: "deltaRule", ...of.shape, decay: "row" });
    const compiled: unknown[] = [];
    fresh.device.createComputePipeline = (descriptor) => {
      compiled.push(descriptor.label);
      return compile(descriptor);
    };
    const { params, dispose } = uploadDelta(fresh, of);
    for (const eps of [undefined, 1e-6]) fresh.kernels.deltaRule!({ ...params, eps });
    await fresh.sync();
    fresh.device.createComputePipeline = compile;
    expect(compiled).toEqual([]);
    dispose();
  }
  await fresh.dispose();
});
