import { createJsBackend } from "@dlrt/backend-js";
import { createWebGpuBackend, type WebGpuBackend } from "@dlrt/backend-webgpu/node";
import type { Backend, HostTensor } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { State } from "../../src/index.js";
import { runScript } from "../decoding.js";
import { errorOf, inputsOf, named, upload } from "../layers.js";
import { slice } from "../sequence-cut.js";

const sizes = { keyWidth: 5, valueWidth: 3 };
const heads = { query: 2, key: 2, value: 4 };
const LIMIT = 2e-6;

let gpu: WebGpuBackend;
/** The same, typed as the tests' layers want it. Its tensors hide their elements, so that results are read by `read` alone. */
let backend: Backend<HostTensor>;
beforeAll(async () => {
  gpu = await createWebGpuBackend({ selfTest: false });
  backend = gpu as unknown as Backend<HostTensor>;
});
afterAll(() => gpu.dispose());

// One layer has a kernel of its own, the other is composed; there are States with a window and without.
test.each([
  ["gatedDeltaRule", 3],
  ["gatedDeltaRule", 0],
  ["simpleGla", 2],
] as const)(
  "%s: steps of several slots, padded and packed, rollbacks, resets and a clone, window %d",
  async (name, window) => {
    const layer = named(name);
    const problem = { batch: 1, tokens: 24, heads, ...sizes, normalizeKeys: { eps: 1e-3 } };
    const state = new State(backend, { slots: 4, heads: 4, ...sizes, window });
    const pool = inputsOf(layer, problem, "typical", 6);
    const script = { layer, problem, pool, dtype: "f32", longest: 20, limit: LIMIT } as const;
    await runScript(state, { ...script, seed: window, calls: 16 });
    expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  },
);

test.each(["kv", "vk"] as const)("saved on js, it goes on here, and back again: %s", async (layout) => {
  const layer = named("gatedDeltaRule");
  const problem = { batch: 3, tokens: 17, heads, ...sizes };
  const arrays = inputsOf(layer, problem, "typical", 3);
  const js = createJsBackend();
  const slots = Int32Array.of(4, 0, 1);
  const first = new State(js, { slots: 3, heads: 4, ...sizes });
  const second = new State(backend, { slots: 5, heads: 4, ...sizes, window: 2 });
  const third = new State(js, { slots: 3, heads: 4, ...sizes });
  const outputs: Float64Array[] = [];
  const step = async (on: Backend<HostTensor>, state: State<HostTensor>, from: number, to: number) => {
    const inputs = upload(on, layer, problem, arrays, "f32");
    const own = state === second ? { heads, slots } : { heads };
    const output = state.step(layer.forward, slice(on, layer, problem, inputs, from, to), own);
    outputs.push(Float64Array.from(await on.read(output)));
    for (const t of [output, ...Object.values(inputs)]) t.dispose();
  };
  await step(js, first, 0, 9);
  second.write(await first.read({ layout }), { slots, layout });
  expect(() => second.rollback(1, slots)).toThrow(/^tokens: expected at most 0, which slot 4/);
  await step(backend, second, 9, 12);
  await step(backend, second, 12, 13);
  second.rollback(1, slots);
  third.write(await second.read({ slots, layout }), { layout });
  await step(js, third, 12, 17);
  const expected = layer.reference(problem, arrays);
  expect(errorOf(await third.read(), expected.finalState)).toBeLessThan(LIMIT);
  const columns = expected.output.length / (3 * 17);
  for (const [at, [from, to]] of [
    [0, 9],
    [9, 12],
    [12, 13],
    [12, 17],
  ].entries()) {
    const own = expected.output.filter((_, i) => {
      const token = Math.floor(i / columns) % 17;
      return token >= from! && token < to!;
    });
    expect(errorOf(outputs[at]!, own), `tokens ${from} to ${to}`).toBeLessThan(LIMIT);
  }
  // The slots that were not written are still zero.
  expect((await second.read({ slots: Int32Array.of(2, 3) })).every((value) => value === 0)).toBe(true);
  for (const state of [first, second, third]) state.dispose();
  expect(js.memory()).toEqual({ tensors: 0, bytes: 0 });
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});
