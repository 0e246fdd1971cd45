import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import { readView } from "@dlrt/core/backend";
import { describe, expect, test } from "vitest";
import { gatedDeltaRule, State } from "../src/index.js";
import type { ReferenceProblem } from "../src/reference/index.js";
import { createDeviceBackend } from "./device-backend.js";
import { gather, runScript } from "./decoding.js";
import { ifLong } from "./long.js";
import { all, errorOf, inputsOf, named, upload } from "./layers.js";
import { exactInputs, slice } from "./sequence-cut.js";

const sizes = { keyWidth: 5, valueWidth: 3 };
const backends = {
  js: async () => createJsBackend(),
  wasm: () => createWasmBackend({ threads: 1 }),
} as const;
const windows: readonly (readonly [window: number, dtype: "f32" | "f64"])[] = [
  [0, "f32"],
  [1, "f64"],
  [3, "f32"],
  [4, "f64"],
  [16, "f32"],
];
const limits = { f32: 2e-6, f64: 4e-14 } as const;
const headCounts: readonly ReferenceProblem["heads"][] = [
  { query: 2, key: 2, value: 4 },
  { query: 4, key: 2, value: 2 },
  { query: 4, key: 2, value: 4, order: "modulo" },
];

describe.each(all)("$name", (layer) => {
  describe.each(Object.entries(backends))("%s", (name, create) => {
    // What a State itself does is the same on every backend, so that one runs all cases and the other some.
    const whole = name === "js";
    test.each(whole ? windows : ifLong(windows, windows.slice(1, 3)))(
      "steps and rollbacks of several slots, window %d, %s",
      async (window, dtype) => {
        await using backend = await create();
        const heads = headCounts[window % headCounts.length]!;
        const problem = { batch: 1, tokens: 24, heads, ...sizes, normalizeKeys: { eps: 1e-3 } };
        const stateHeads = Math.max(heads.key, heads.value);
        const state = new State(backend, { slots: 4, heads: stateHeads, ...sizes, dtype, window });
        const pool = inputsOf(layer, problem, "typical", 6);
        const script = { layer, problem, pool, dtype, longest: 40, limit: limits[dtype] };
        await runScript(state, { ...script, seed: window, calls: ifLong(30, 20) });
        expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
      },
    );

    test.runIf(whole || ifLong(true, false))(
      "one or two tokens at a time, every number of them taken back after each",
      async () => {
        await using backend = await create();
        const heads = { query: 2, key: 2, value: 4 };
        const problem = { batch: 1, tokens: 18, heads, ...sizes };
        const arrays = inputsOf(layer, problem, "typical", 7);
        const inputs = upload(backend, layer, problem, arrays, "f64");
        const seen = (tokens: number): Float64Array => {
          const first = Array.from({ length: tokens }, (_, t) => t);
          const own = { ...problem, tokens };
          return layer.reference(own, gather(layer, arrays, 18, first)).finalState;
        };
        const states = Array.from({ length: 19 }, (_, tokens) => seen(tokens));
        for (const size of [1, 2]) {
          using state = new State(backend, { heads: 4, ...sizes, dtype: "f64", window: 3 });
          for (let end = size; end <= 18; end += size) {
            const tokens = slice(backend, layer, problem, inputs, end - size, end);
            state.step(layer.forward, tokens, { heads }).dispose();
            for (let back = 1; back <= Math.min(end, 3); back++) {
              using copy = state.clone();
              copy.rollback(back);
              expect(errorOf(await copy.read(), states[end - back]!)).toBeLessThan(limits.f64);
            }
          }
        }
      },
    );

    const exact = layer.name === "retention" || layer.name === "ssd" ? test.skip : test;
    exact("exact class: the bits of never having stepped", async () => {
      await using backend = await create();
      const heads = { query: 2, key: 2, value: 4 };
      const problem = { batch: 1, tokens: 24, heads, ...sizes, scale: 0.5 };
      for (const dtype of ["f32", "f64"] as const) {
        const state = new State(backend, { slots: 3, heads: 4, ...sizes, dtype, window: 3 });
        const pool = exactInputs(layer, problem, 2);
        await runScript(state, {
          layer,
          problem,
          pool,
          dtype,
          seed: 5,
          calls: ifLong(30, 20),
          longest: 16,
          limit: 0,
        });
      }
    });
  });
});

const layer = named("gatedDeltaRule");
const problem = { batch: 3, tokens: 17, heads: { query: 2, key: 2, value: 4 }, ...sizes };
const { heads } = problem;

describe.each(["f32", "f64"] as const)("a State saved on js, %s", (dtype) => {
  test.each(["kv", "vk"] as const)("goes on with wasm, %s", async (layout) => {
    const js = createJsBackend();
    await using wasm = await createWasmBackend({ threads: 1 });
    const own = { slots: 3, heads: 4, ...sizes, dtype };
    const [before, after] = [new State(js, own), new State(wasm, { ...own, slots: 5, window: 2 })];
    const arrays = inputsOf(layer, problem, "typical", 3);
    const onJs = upload(js, layer, problem, arrays, dtype);
    const onWasm = upload(wasm, layer, problem, arrays, dtype);
    const slots = Int32Array.of(4, 0, 1);
    before.step(gatedDeltaRule, slice(js, layer, problem, onJs, 0, 9) as never, { heads });
    after.write(await before.read({ layout }), { slots, layout });
    expect(() => after.rollback(1, slots)).toThrow(/^tokens: expected at most 0, which slot 4/);
    const output = after.step(gatedDeltaRule, slice(wasm, layer, problem, onWasm, 9, 17) as never, {
      heads,
      slots,
    });
    const expected = layer.reference(problem, arrays);
    expect(errorOf(await after.read({ slots }), expected.finalState)).toBeLessThan(limits[dtype]);
    const columns = output.shape[2];
    const rest = expected.output.filter((_, at) => Math.floor(at / columns) % 17 >= 9);
    expect(errorOf(readView(output), rest)).toBeLessThan(limits[dtype]);
    // The slots that were not written are still zero.
    expect((await after.read({ slots: Int32Array.of(2, 3) })).every((value) => value === 0)).toBe(true);
  });
});

test.each(all)("$name needs no element on the host", async (each) => {
  const backend = createDeviceBackend() as unknown as ReturnType<typeof createJsBackend>;
  const js = createJsBackend();
  const results = [backend, js].map(async (own) => {
    const state = new State(own, { slots: 3, heads: 4, ...sizes, window: 3 });
    const inputs = upload(own, each, problem, inputsOf(each, problem, "typical", 4), "f32");
    const outputs = [0, 1, 2, 7, 8].map((from, n, all) =>
      state.step(each.forward, slice(own, each, problem, inputs, from, all[n + 1] ?? 17), { heads }),
    );
    state.rollback(Int32Array.of(1, 3, 2));
    const read = await Promise.all([...outputs.map((t) => own.read(t)), state.read()]);
    state.dispose();
    for (const t of [...outputs, ...Object.values(inputs)]) t.dispose();
    expect(own.memory()).toEqual({ tensors: 0, bytes: 0 });
    return read;
  });
  expect(await results[0]).toEqual(await results[1]);
});

test("a State keeps its slots and what it needs to take tokens back, and no more", () => {
  const backend = createJsBackend();
  const own = { slots: 2, heads: 4, ...sizes };
  const bytes = 2 * 4 * 5 * 3 * 4;
  const plain = new State(backend, own);
  expect(backend.memory()).toEqual({ tensors: 1, bytes });
  const windowed = new State(backend, { ...own, window: 3 });
  expect(backend.memory()).toEqual({ tensors: 2, bytes: 3 * bytes });
  const twice = { ...problem, batch: 2 };
  const inputs = upload(backend, layer, twice, inputsOf(layer, twice, "typical", 4), "f32");
  const before = backend.memory();
  for (const state of [plain, windowed])
    for (let n = 0; n < 9; n++)
      state.step(layer.forward, slice(backend, layer, twice, inputs, n, n + 1), { heads }).dispose();
  // The log has 2W tokens of key, value, β and decay for both slots, in bytes.
  const log = 2 * 6 * (2 * 5 + 4 * 3 + 4 + 4) * 4;
  expect(backend.memory()).toEqual({ tensors: before.tensors + 4, bytes: before.bytes + log });
  plain.dispose();
  windowed.dispose();
  windowed.dispose();
  for (const t of Object.values(inputs)) t.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
});

test("slots that follow each other go in one call of the kernel", () => {
  const backend = createJsBackend();
  const { apply } = backend.kernels;
  const gla = named("simpleGla"); // a layer for which no backend has a kernel of its own, so that `apply` computes it
  const batches: number[] = [];
  const state = new State(backend, { slots: 8, heads: 4, ...sizes, window: 4 });
  const inputs = upload(backend, gla, problem, inputsOf(gla, problem, "typical", 4), "f32");
  const step = (...slots: number[]): number[] => {
    batches.length = 0;
    const one = slice(backend, gla, problem, inputs, 0, 1);
    state.step(gla.forward, one, { heads, slots: Int32Array.from(slots) });
    return batches.slice();
  };
  backend.kernels.apply = (p) => {
    batches.push(p.batch);
    apply(p);
  };
  try {
    expect(step(2, 3, 4)).toEqual([12]);
    expect(step(2, 3, 5)).toEqual([8, 4]);
    expect(step(7, 6, 5)).toEqual([4, 4, 4]);
  } finally {
    backend.kernels.apply = apply; // every backend that createJsBackend makes has this same object of kernels
  }
});
