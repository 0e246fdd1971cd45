import { apply, heads, LimitError, solve } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../src/node.js";
import { TENSOR } from "../src/usage.js";
import { watchDispatches } from "./support/dispatches.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import { withoutMemory } from "./support/faulty.js";
import { onSharedDevice, restoreDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
let dispatches: { take(): string[] };
beforeAll(async () => {
  backend = await onSharedDevice();
  dispatches = watchDispatches(backend.device);
});
afterAll(async () => {
  await backend.dispose();
  restoreDevice(backend.device);
});

const next = uniformFrom(3);
const numbers = (count: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, () => (2 * next() - 1) / 2);

/** Makes a buffer, as a caller would have it, with these elements. */
function lend(data: Float32Array<ArrayBuffer>): GPUBuffer {
  const buffer = backend.device.createBuffer({ size: data.byteLength, usage: TENSOR });
  backend.device.queue.writeBuffer(buffer, 0, data);
  return buffer;
}

/** Copies a view to a contiguous tensor. */
async function copied(t: GpuTensor): Promise<GpuTensor> {
  return backend.upload({ data: await backend.read(t), shape: t.shape });
}

interface Call {
  readonly diag: GpuTensor;
  readonly q: GpuTensor;
  readonly k: GpuTensor;
  readonly decay?: GpuTensor;
}

async function copiedOperator({ diag, q, k, decay }: Call): Promise<Call> {
  const op = { diag: await copied(diag), q: await copied(q), k: await copied(k) };
  return decay ? { ...op, decay: await copied(decay) } : op;
}

const [B, T, H, D] = [2, 70, 8, 8];

test("[B, T, H·D] in buffers of the caller's, B = 2, H = 8: no copy is made, and the bits are those of contiguous tensors", async () => {
  const buffers = [1, D, D, D, D].map((width) => lend(numbers(B * T * H * width)));
  const before = backend.memory();
  const packed = buffers.map((buffer) => backend.wrap(buffer, [B, T, buffer.size / (4 * B * T)]));
  const views = packed.map((t) => heads(backend, t, H));
  const [diag, q, k, b, out] = views as [GpuTensor, GpuTensor, GpuTensor, GpuTensor, GpuTensor];
  backend.device.queue.writeBuffer(diag.buffer, 0, new Float32Array(B * T * H).fill(1.25));
  expect(backend.memory()).toEqual({ tensors: before.tensors + 5, bytes: before.bytes });
  dispatches.take();
  for (const trans of [false, true]) solve(backend, { diag, q, k }, b, { out, trans });
  await backend.sync();
  expect(dispatches.take()).toEqual(["coupling", "solve-scan", "coupling", "solve-scan"]);
  apply(backend, { diag, q, k }, b, { out });
  await backend.sync();
  expect(dispatches.take()).toEqual(["coupling", "apply-state", "apply-prefix", "apply-chunk"]);
  expect(backend.memory()).toEqual({ tensors: before.tensors + 5, bytes: before.bytes });
  const op = await copiedOperator({ diag, q, k });
  for (const verb of [solve, apply]) {
    for (const trans of [false, true]) {
      const plain = verb(backend, op, await copied(b), { trans });
      verb(backend, { diag, q, k }, b, { out, trans });
      expect(await backend.read(out)).toEqual(await backend.read(plain));
    }
  }
  buffers.forEach((buffer) => buffer.destroy());
});

test("query and key heads that value heads share, decay as [B, T, H]: no copy either", async () => {
  const [keyHeads, shared] = [4, 2];
  const lay = (width: number): GpuTensor => backend.wrap(lend(numbers(B * T * width)), [B, T, width]);
  const [q, k] = [lay(keyHeads * D), lay(keyHeads * D)].map((t) => heads(backend, t, keyHeads, { shared }));
  const [b, out] = [lay(H * D), lay(H * D)].map((t) => heads(backend, t, H));
  const one = backend.upload({ data: Float32Array.of(1.5), shape: [1, 1, 1] });
  const diag = backend.view(one, [B * H, T, 1], {
    offset: 0,
    heads: 1,
    shared: 1,
    batch: 0,
    head: 0,
    row: 0,
  });
  const op = { diag, q: q!, k: k! };
  dispatches.take();
  solve(backend, op, b!, { out: out! });
  await backend.sync();
  expect(dispatches.take()).toEqual(["coupling", "solve-scan"]);
  const plain = solve(backend, await copiedOperator(op), await copied(b!));
  expect(await backend.read(out!)).toEqual(await backend.read(plain));
  const g = backend.upload({ data: numbers(B * T * H).map((x) => -Math.abs(x)), shape: [B, T, H] });
  const decaying = { ...op, decay: heads(backend, g, H) };
  dispatches.take();
  apply(backend, decaying, b!, { out: out! });
  await backend.sync();
  expect(dispatches.take()).toEqual([
    "decay-chunks",
    "coupling",
    "apply-state",
    "apply-prefix",
    "apply-chunk",
  ]);
  const decayed = apply(backend, await copiedOperator(decaying), await copied(b!));
  expect(await backend.read(out!)).toEqual(await backend.read(decayed));
});

test("everything in one buffer, the result too: right, through scratch, and nothing else is touched", async () => {
  // A row of the buffer holds q, k, v and the result of all heads side by side, and behind them λ and g.
  const width = 4 * H * D + 2 * H;
  const all = numbers(B * T * width);
  for (let row = 0; row < B * T; row++) {
    for (let h = 0; h < H; h++) {
      all[row * width + 4 * H * D + h] = 1 + next();
      all[row * width + 4 * H * D + H + h] = -next();
    }
  }
  const t = backend.upload({ data: all, shape: [B, T, width] });
  const part = (offset: number, cols: number): GpuTensor =>
    backend.view(t, [B * H, T, cols], {
      offset,
      heads: H,
      shared: 1,
      batch: T * width,
      head: cols,
      row: width,
    });
  const [q, k, b, out] = [0, 1, 2, 3].map((at) => part(at * H * D, D)) as [
    GpuTensor,
    GpuTensor,
    GpuTensor,
    GpuTensor,
  ];
  const op = { diag: part(4 * H * D, 1), q, k, decay: part(4 * H * D + H, 1) };
  for (const verb of [solve, apply]) {
    const plain = verb(backend, await copiedOperator(op), await copied(b), { trans: true });
    verb(backend, op, b, { out, trans: true });
    const want = await backend.read(plain);
    expect(await backend.read(out)).toEqual(want);
    const got = await backend.read(t);
    const others = got.findIndex((value, at) => {
      const column = at % width;
      return (column < 3 * H * D || column >= 4 * H * D) && value !== all[at];
    });
    expect(others).toBe(-1);
  }
});

test("a fault is told to readers of the heads that it spoiled, and to no others", async () => {
  const own = await onSharedDevice();
  const packed = own.upload({ data: new Float32Array(24).fill(3), shape: [1, 3, 8] });
  const [first, second] = [0, 4].map((offset) =>
    own.view(packed, [1, 3, 4], { offset, heads: 1, shared: 1, batch: 0, head: 0, row: 8 }),
  ) as [GpuTensor, GpuTensor];
  const x = own.upload({ data: new Float32Array(12).fill(1), shape: [1, 3, 4] });
  const copy = (out: GpuTensor): void =>
    own.kernels.copy({ batch: 1, rows: 3, cols: 4, alpha: 2, trans: false, x, out });
  const failing = withoutMemory(own.device, ({ label }) => label === "params");
  copy(first);
  await own.sync().catch(() => undefined);
  failing.restore();
  copy(second);
  await expect(own.read(first)).rejects.toThrow(LimitError);
  await expect(own.read(packed)).rejects.toThrow(LimitError);
  expect([...(await own.read(second))]).toEqual(Array.from({ length: 12 }, () => 2));
  copy(first);
  expect([...(await own.read(packed))]).toEqual(Array.from({ length: 24 }, () => 2));
  await own.dispose();
});
