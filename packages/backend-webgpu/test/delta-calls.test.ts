import { heads } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../src/node.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import { DELTA_LIMIT, deltaProblem } from "./support/delta-problem.js";
import { farthest, recurrence, uploadDelta } from "./support/delta-rule.js";
import { watchDispatches } from "./support/dispatches.js";
import { onSharedDevice, restoreDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
let dispatches: { take(): string[] };
beforeAll(async () => {
  backend = await onSharedDevice({ chunk: 16 });
  dispatches = watchDispatches(backend.device);
});
afterAll(async () => {
  await backend.dispose();
  restoreDevice(backend.device);
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
      const of = deltaProblem({ shape, gated, own, ...(decay && { decay }), ...(eps && { eps }) });
      const want = recurrence(of);
      const { params, dispose } = uploadDelta(backend, of);
      // The final state is written into a tensor of its own, then where a dispatch cannot write it, in a buffer of the operands, and then
      // in the place of the initial state.
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
        expect(farthest(await backend.read(params.out), want.out)).toBeLessThanOrEqual(DELTA_LIMIT);
        expect(farthest(await backend.read(finalState), want.state)).toBeLessThanOrEqual(DELTA_LIMIT);
      }
      dispatches.take();
      backend.kernels.deltaRule!({ ...params, finalState: params.initialState });
      await backend.sync();
      expect(dispatches.take()).toEqual(own ? ["delta-operands", "delta-step"] : ["delta-step"]);
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
  const fresh = await onSharedDevice({ chunk: 16 });
  const compile = fresh.device.createComputePipeline.bind(fresh.device);
  for (const n of [1, 20]) {
    const of = deltaProblem({ shape: { batch: 1, n, r: 4, p: 3 }, decay: "row", eps: 1e-6 });
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
