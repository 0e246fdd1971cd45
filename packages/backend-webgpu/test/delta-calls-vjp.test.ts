import { heads } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../src/node.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import { problemBack } from "./support/delta-back.js";
import { fusedBack } from "./support/delta-gradients.js";
import type { DeltaProblem } from "./support/delta-rule.js";
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

test("heads of [B, T, H·D] as they lie, keys that two heads share, gradients between the operands", async () => {
  const [B, T, H, D] = [2, 40, 4, 4];
  // A row of the buffer holds value, query, key and β of one token, each followed by room for its gradient. Two heads share a key, but
  // each of them has a gradient of its own.
  const widths = [H * D, H * D, (H / 2) * D, H];
  const room = [H * D, H * D, H * D, H];
  const width = [...widths, ...room].reduce((sum, cols) => sum + cols, 0);
  const next = uniformFrom(9);
  const all = backend.upload({
    data: Float32Array.from({ length: B * T * width }, () => next() - 0.5),
    shape: [B, T, width],
  });
  const at = (index: number, gradient: boolean): number =>
    [...widths.slice(0, index + (gradient ? 1 : 0)), ...room.slice(0, index)].reduce((sum, x) => sum + x, 0);
  const part = (index: number, gradient: boolean): GpuTensor => {
    const shared = index === 2 && !gradient ? 2 : 1;
    const cols = (gradient ? room : widths)[index]!;
    const layout = {
      ...{ offset: at(index, gradient), heads: 1, shared: 1, head: 0 },
      batch: T * width,
      row: width,
    };
    return heads(backend, backend.view(all, [B, T, cols], layout), H / shared, { shared });
  };
  const names = ["value", "query", "key", "erase"] as const;
  const inputs = Object.fromEntries(names.map((name, index) => [name, part(index, false)])) as Record<
    (typeof names)[number],
    GpuTensor
  >;
  const gradients = Object.fromEntries(names.map((name, index) => [name, part(index, true)]));
  const read = async (t: GpuTensor): Promise<Float32Array> => Float32Array.from(await backend.read(t));
  const of: DeltaProblem = {
    shape: { batch: B * H, n: T, r: D, p: D },
    query: await read(inputs.query),
    key: await read(inputs.key),
    value: await read(inputs.value),
    erase: await read(inputs.erase),
    ...{ scale: 2, eps: 1e-6 },
  };
  const out = Float32Array.from({ length: B * H * T * D }, () => next() - 0.5);
  const want = await fusedBack(backend, of, { out });
  const outCotangent = backend.upload({ data: out, shape: [B * H, T, D] });
  const sizes = { ...of.shape, scale: 2, eps: 1e-6 };
  backend.kernels.deltaRuleVjp!({ ...sizes, ...inputs, outCotangent, gradients });
  for (const name of names) expect(await read(gradients[name]!), name).toEqual(want[name]);
  // The operands, which lie between the gradients, are as they were.
  for (const name of names) expect(await read(inputs[name]), name).toEqual(of[name]);
  outCotangent.dispose();
  all.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("what is dispatched with β, normalised keys and a decay, the way there included; prepare compiles it", async () => {
  const given = problemBack({ shape: { batch: 1, n: 20, r: 4, p: 4 }, eps: 1e-6, decay: "row" });
  const fresh = await onSharedDevice({ chunk: 16 });
  const compile = fresh.device.createComputePipeline.bind(fresh.device);
  await fresh.prepare({ kernel: "deltaRuleVjp", ...given.of.shape, decay: "row" });
  const compiled: unknown[] = [];
  fresh.device.createComputePipeline = (descriptor) => {
    compiled.push(descriptor.label);
    return compile(descriptor);
  };
  await fusedBack(fresh, given.of, given.cotangents);
  fresh.device.createComputePipeline = compile;
  expect(compiled).toEqual([]);
  await fresh.dispose();
  await backend.sync();
  dispatches.take();
  await fusedBack(backend, given.of, given.cotangents);
  const counts: Record<string, number> = {};
  for (const name of dispatches.take()) counts[name] = (counts[name] ?? 0) + 1;
  delete counts["copyBufferToBuffer"];
  expect(counts).toEqual({
    // The six copies are of: the initial state, the final state's cotangent, the state before the chunks and that after them, Ō, and the
    // gradient of the initial state.
    ...{ copy: 6, "delta-operands": 3, "decay-chunks": 2, coupling: 2, "solve-scan": 1, "apply-state": 1 },
    ...{ "delta-back-scan": 1, "delta-back-reads": 2, "delta-back-keys": 2, "delta-decay-vjp": 1 },
    ...{ "delta-operands-vjp": 2, "norm-rows-vjp": 2 },
  });
});
