import { heads } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../src/node.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import { onSharedDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
let pieces: WebGpuBackend;
beforeAll(async () => {
  backend = await onSharedDevice();
  const small = { maxBindingBytes: 8192, maxScratchBytes: 4096 };
  pieces = await onSharedDevice({ ...small });
});
afterAll(async () => {
  await pieces.dispose();
  await backend.dispose();
});

const [B, T, H, D, TAPS] = [2, 9, 4, 5, 4];
const NAMES = ["x", "z", "bar", "y", "g", "gx", "n", "nx", "nz", "nw", "c", "cx", "at"] as const;
type Name = (typeof NAMES)[number];

/**
 * Calls every kernel on heads of a packed array, and returns all results. Operands and results lie side by side in the rows of one buffer
 * (`together`), or each in a contiguous tensor of its own.
 */
async function results(on: WebGpuBackend, together: boolean): Promise<Record<string, Float32Array>> {
  const next = uniformFrom(5);
  const width = NAMES.length * H * D;
  const all = on.upload({
    data: Float32Array.from({ length: B * T * width }, () => 2 * next() - 1),
    shape: [B, T, width],
  });
  const place = (name: Name, cols = D): GpuTensor =>
    on.view(all, [B * H, T, cols], {
      ...{ offset: NAMES.indexOf(name) * H * D, heads: H, shared: 1 },
      ...{ batch: T * width, head: D, row: width },
    });
  const own: GpuTensor[] = [];
  const settled = async (view: GpuTensor): Promise<GpuTensor> => {
    if (together) return view;
    own.push(on.upload({ data: await on.read(view), shape: view.shape }));
    return own.at(-1)!;
  };
  const t = {} as Record<Name, GpuTensor>;
  for (const name of NAMES) t[name] = await settled(place(name, name === "at" ? 1 : D));
  const numbers = (...shape: readonly [number, number, number]): GpuTensor => {
    own.push(
      on.upload({ data: Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => next()), shape }),
    );
    return own.at(-1)!;
  };
  const repeated = { offset: 0, shared: 1, batch: 0, row: D };
  // All heads share one weight, all sequences share the bias of a head, and two neighbouring heads share an a.
  const weight = on.view(numbers(1, TAPS, D), [B * H, TAPS, D], { ...repeated, heads: 1, head: 0 });
  const row = on.view(weight, [B * H, 1, D], { ...repeated, heads: 1, head: 0 });
  const bias = await settled(on.view(numbers(1, H, D), [B * H, 1, D], { ...repeated, heads: H, head: D }));
  const a = await settled(heads(on, numbers(B, 1, H / 2), H / 2, { shared: 2 }));
  const [w, scale] = [await settled(weight), await settled(row)];
  const state = numbers(B * H, TAPS - 1, D);
  const final = numbers(B * H, TAPS - 1, D);
  const gradient = numbers(B * H, TAPS, D);
  const sizes = { batch: B * H, n: T, p: D };
  const { x, z, bar } = t;
  on.kernels.gate!({ ...sizes, x, a, bias, out: t.g });
  on.kernels.gate!({ ...sizes, x, a, bias, cotangent: bar, out: t.gx, aTerms: t.at });
  on.kernels.normalizeRows!({ ...sizes, eps: 1e-6, x, out: t.y });
  const norm = { ...sizes, eps: 1e-6, activation: "silu", x, gate: z, weight: scale } as const;
  on.kernels.gatedNorm!({ ...norm, out: t.n });
  on.kernels.gatedNorm!({ ...norm, cotangent: bar, gradients: { x: t.nx, gate: t.nz, weightTerms: t.nw } });
  const conv = { ...sizes, taps: TAPS, activation: "silu", x, weight: w, bias, initialState: state } as const;
  on.kernels.causalConv!({ ...conv, out: t.c, finalState: final });
  on.kernels.causalConvVjp!({ ...conv, cotangent: bar, gradients: { x: t.cx, weight: gradient } });
  const got: Record<string, Float32Array> = {
    final: await on.read(final),
    gradient: await on.read(gradient),
  };
  for (const name of NAMES) got[name] = await on.read(t[name]);
  for (const one of [...own, all]) one.dispose();
  expect(on.memory()).toEqual({ tensors: 0, bytes: 0 });
  return got;
}

test("heads side by side in one buffer with what is computed from them: the bits of contiguous tensors, whole and in segments", async () => {
  const want = await results(backend, false);
  for (const values of Object.values(want)) expect(values.every(Number.isFinite)).toBe(true);
  expect(await results(backend, true)).toEqual(want);
  expect(await results(pieces, true)).toEqual(want);
});

test("more than 65,535 workgroups are folded into two dimensions", async () => {
  const p = 64 * 65536 + 5;
  const upload = (value: (at: number) => number): GpuTensor =>
    backend.upload({ data: Float32Array.from({ length: p }, (_, at) => value(at)), shape: [1, 1, p] });
  const [x, weight, out] = [upload((at) => at % 1000), upload(() => 2), upload(() => Number.NaN)];
  backend.kernels.causalConv!({
    batch: 1,
    n: 1,
    p,
    taps: 1,
    activation: "none",
    x: x!,
    weight: weight!,
    out: out!,
  });
  expect((await backend.read(out!)).findIndex((value, at) => value !== 2 * (at % 1000))).toBe(-1);
  for (const t of [x, weight, out]) t!.dispose();
});

test("prepare compiles what calls of the small pieces then use", async () => {
  const fresh = await onSharedDevice();
  const sizes = { batch: 2, n: 3, p: 12 };
  for (const kernel of ["normalizeRows", "gate", "causalConv", "causalConvVjp", "gatedNorm"] as const) {
    await fresh.prepare({ kernel, ...sizes, r: 0 });
  }
  const compile = fresh.device.createComputePipeline.bind(fresh.device);
  const compiled: unknown[] = [];
  fresh.device.createComputePipeline = (of) => {
    compiled.push(of.label);
    return compile(of);
  };
  const tensor = (rows: number, cols = 12): GpuTensor =>
    fresh.upload({ data: new Float32Array(2 * rows * cols).fill(1), shape: [2, rows, cols] });
  const { kernels } = fresh;
  const [x, row, taps, state] = [tensor(3), tensor(1), tensor(2), tensor(1)];
  kernels.normalizeRows!({ ...sizes, eps: 1, x, cotangent: x, out: tensor(3) });
  kernels.gate!({ ...sizes, x, a: tensor(1, 1), bias: row, out: tensor(3) });
  kernels.gatedNorm!({ ...sizes, eps: 1, activation: "sigmoid", x, gate: x, out: tensor(3) });
  const conv = { ...sizes, taps: 2, activation: "silu", x, weight: taps, initialState: state } as const;
  kernels.causalConv!({ ...conv, out: tensor(3), finalState: tensor(1) });
  kernels.causalConvVjp!({ ...conv, cotangent: x, gradients: { x: tensor(3), weight: tensor(2) } });
  await fresh.sync();
  expect(compiled).toEqual([]);
  await fresh.dispose();
});
