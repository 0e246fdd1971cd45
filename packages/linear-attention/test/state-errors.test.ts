import { createJsBackend } from "@dlrt/backend-js";
import { DisposedError, DtypeError, ShapeError, ValueError } from "@dlrt/core";
import { expect, test } from "vitest";
import { deltaRule, gatedDeltaRule, simpleGla, State } from "../src/index.js";

const backend = createJsBackend();
const sizes = { slots: 3, heads: 4, keyWidth: 4, valueWidth: 3 };
const heads = { query: 2, key: 2, value: 4 };
const f32 = (...shape: [number, number, number]) =>
  backend.upload({ data: new Float32Array(1), shape, strides: [0, 0, 0] });
const inputs = {
  query: f32(2, 6, 8),
  key: f32(2, 6, 8),
  value: f32(2, 6, 12),
  beta: f32(2, 6, 4),
  decay: f32(2, 6, 4),
};
const slots = Int32Array.of(2, 0);

test.each([
  [{ heads: 0 }, /^heads: expected an integer ≥ 1, got 0/],
  [{ slots: 0 }, /^slots: expected an integer ≥ 1, got 0/],
  [{ keyWidth: undefined }, /^keyWidth: expected an integer ≥ 0, got undefined/],
  [{ window: 1.5 }, /^window: expected an integer ≥ 0, got 1.5/],
  [{ dtype: "f16" }, /^dtype: expected "f32" or "f64"/],
  [{ rank: 4 }, /^sizes: /],
])("new State %o", (changed, message) => {
  const memory = backend.memory();
  expect(() => new State(backend, { ...sizes, ...changed } as never)).toThrow(message);
  expect(backend.memory()).toEqual(memory);
});

const wider = { ...inputs, key: f32(2, 6, 10), query: f32(2, 6, 10) };
const steps: readonly (readonly [
  layer: unknown,
  inputs: object,
  options: object,
  type: unknown,
  message: RegExp,
])[] = [
  [gatedDeltaRule, {}, {}, ValueError, /^slots: expected an Int32Array, 2 of the 3 slots, got undefined/],
  [gatedDeltaRule, {}, { slots: [2, 0] }, ValueError, /^slots: expected an Int32Array/],
  [
    gatedDeltaRule,
    {},
    { slots: Int32Array.of(1) },
    ShapeError,
    /^slots: expected one for each of 2 sequences, got 1/,
  ],
  [
    gatedDeltaRule,
    {},
    { slots: Int32Array.of(1, 1) },
    ValueError,
    /^slots: expected numbers that differ, got 1 twice/,
  ],
  [
    gatedDeltaRule,
    {},
    { slots: Int32Array.of(1, 3) },
    ValueError,
    /^slots: expected numbers from 0 to 2, got 3/,
  ],
  [
    gatedDeltaRule,
    {},
    { slots: Int32Array.of(-1, 2) },
    ValueError,
    /^slots: expected numbers from 0 to 2, got -1/,
  ],
  [gatedDeltaRule, {}, { slots, finalState: true }, ValueError, /^options: /],
  [gatedDeltaRule, {}, { slots, initialState: inputs.query }, ValueError, /^options: /],
  [gatedDeltaRule, {}, { slots, stateLayout: "vk" }, ValueError, /^options: /],
  [gatedDeltaRule, { beta: undefined }, { slots }, ValueError, /^beta: expected a tensor/],
  [
    gatedDeltaRule,
    wider,
    { slots },
    ShapeError,
    /^inputs: expected states of 4 heads of 4 × 3, got states of 4 heads of 5 × 3/,
  ],
  ["gatedDeltaRule", {}, { slots }, ValueError, /^layer: expected a layer's function/],
  [
    () => ({ output: inputs.query }),
    {},
    { slots },
    ValueError,
    /^layer: expected a layer of this package, got 0 calls/,
  ],
  [() => undefined, {}, { slots }, ValueError, /^layer: expected a layer of this package, got 0 calls/],
  [
    simpleGla,
    { beta: undefined },
    { slots },
    ValueError,
    /^layer: expected one of query, key, value, beta, decay, as in the steps/,
  ],
  [
    gatedDeltaRule,
    {},
    { slots, normalizeKeys: true },
    ValueError,
    /^normalizeKeys: expected none, as in the steps/,
  ],
  [
    gatedDeltaRule,
    {},
    { slots, heads: { ...heads, order: "modulo" } },
    ValueError,
    /^heads.order: expected neighbours/,
  ],
  [
    gatedDeltaRule,
    { beta: f32(2, 6, 1) },
    { slots },
    ValueError,
    /^beta: expected 4 columns, as in the steps/,
  ],
];

test.each(steps)("step %#", async (layer, changed, options, type, message) => {
  using state = new State(backend, { ...sizes, window: 2 });
  state.step(gatedDeltaRule, inputs, { heads, slots }).dispose();
  const [memory, before] = [backend.memory(), await state.read()];
  const given = Object.fromEntries(
    Object.entries({ ...inputs, ...changed }).filter(([, t]) => layer !== simpleGla || t),
  );
  const call = () =>
    state.step(layer as typeof gatedDeltaRule, given as never, { heads, ...options } as never);
  expect(call).toThrow(type as typeof ValueError);
  expect(call).toThrow(message);
  expect(backend.memory()).toEqual(memory);
  expect(await state.read()).toEqual(before);
});

test.each([0, 2])("another layer may follow where nothing can be taken back, window %d", (window) => {
  const { query, key, value, beta } = inputs;
  using state = new State(backend, { ...sizes, window });
  state.step(gatedDeltaRule, inputs, { heads, slots }).dispose();
  if (window > 0) state.reset();
  const output = state.step(deltaRule, { query, key, value, beta }, { heads, slots });
  expect(output.shape).toEqual([2, 6, 12]);
  output.dispose();
});

test("rollback, read, write, reset", async () => {
  const state = new State(backend, { ...sizes, window: 4 });
  state.step(gatedDeltaRule, inputs, { heads, slots }).dispose();
  const memory = backend.memory();
  expect(() => state.rollback(5, slots)).toThrow(
    /^tokens: expected at most 4, which slot 2 can take back, got 5/,
  );
  expect(() => state.rollback(1)).toThrow(/^tokens: expected at most 0, which slot 1 can take back, got 1/);
  expect(() => state.rollback(-1, slots)).toThrow(/^tokens: expected integers ≥ 0, got -1/);
  expect(() => state.rollback(0.5, slots)).toThrow(/^tokens: expected integers ≥ 0, got 0.5/);
  expect(() => state.rollback("1" as never, slots)).toThrow(/^tokens: expected an integer/);
  expect(() => state.rollback(Int32Array.of(1), slots)).toThrow(
    /^tokens: expected one number for each of 2 slots/,
  );
  expect(() => state.rollback(Int32Array.of(1, 5), slots)).toThrow(
    /^tokens: expected at most 4, which slot 0/,
  );
  await expect(state.read({ layout: "k" as never })).rejects.toThrow(/^layout: expected "kv" or "vk"/);
  await expect(state.read({ slots: Int32Array.of(9) })).rejects.toThrow(
    /^slots: expected numbers from 0 to 2/,
  );
  expect(() => state.write([] as never)).toThrow(/^data: expected a Float32Array or Float64Array/);
  expect(() => state.write(new Float64Array(144))).toThrow(DtypeError);
  expect(() => state.write(new Float32Array(143))).toThrow(/^data: expected 144 elements, got 143/);
  expect(() => state.reset(Int32Array.of(0, 0))).toThrow(/^slots: expected numbers that differ/);
  expect(backend.memory()).toEqual(memory);
  // None of these calls took a token back, so that all four can still be taken back.
  state.rollback(4, slots);
  const plain = new State(backend, sizes);
  expect(() => plain.rollback(1)).toThrow(/^tokens: expected 0 of a state without a window, got 1/);
  plain.rollback(0);
  plain.dispose();
  state.dispose();
  expect(state.disposed).toBe(true);
  for (const use of [
    () => state.rollback(0),
    () => state.reset(),
    () => state.clone(),
    () => state.step(gatedDeltaRule, inputs, { heads, slots }),
  ])
    expect(use).toThrow(DisposedError);
  await expect(state.read()).rejects.toThrow(DisposedError);
});

test("a kernel that fails leaves no tensor behind and no token to take back that the state has not", () => {
  const { query, key, value, decay } = inputs;
  const state = new State(backend, { ...sizes, window: 4 });
  const step = () => state.step(simpleGla, { query, key, value, decay }, { heads, slots });
  step().dispose();
  const memory = backend.memory();
  const { apply } = backend.kernels;
  backend.kernels.apply = () => {
    throw new Error("broken");
  };
  try {
    expect(step).toThrow("broken");
  } finally {
    backend.kernels.apply = apply; // every backend that createJsBackend makes has this same object of kernels
  }
  expect(backend.memory()).toEqual(memory);
  expect(() => state.rollback(1, slots)).toThrow(/^tokens: expected at most 0/);
  state.dispose();
});
