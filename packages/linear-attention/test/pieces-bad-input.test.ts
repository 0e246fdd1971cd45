import { createJsBackend } from "@dlrt/backend-js";
import { UnsupportedError, type Backend, type KernelName, type Shape } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import * as all from "../src/index.js";
import { backends, take } from "./backends.js";
import { createDeviceBackend } from "./device-backend.js";

const backend = createJsBackend();
const f32 = (...shape: [number, number, number]) => backend.empty(shape);
const x = f32(1, 6, 8);
const gone = f32(1, 6, 8);
gone.dispose();
const entries = { offset: 0, heads: 2, shared: 1, batch: 48, head: 4, row: 8 };
const byHeads = backend.view(x, [2, 6, 4], entries);
const state = f32(1, 3, 8);
const inputs = {
  betaGate: { b: x },
  gdnGate: { a: x, aLog: f32(1, 1, 8), dtBias: f32(1, 1, 8) },
  kdaGate: { x, aLog: f32(1, 1, 2), dtBias: f32(1, 1, 8) },
  l2Norm: { x },
  gatedRmsNorm: { x, gate: f32(1, 6, 8), weight: f32(1, 1, 8) },
  causalConv: { x, weight: f32(8, 1, 4), bias: f32(1, 1, 8) },
};
type Name = keyof typeof inputs;

const cases: readonly (readonly [Name, object, object, RegExp])[] = [
  ["betaGate", {}, { scale: 0 }, /^scale: expected a number > 0, got 0/],
  ["betaGate", { beta: x }, {}, /^inputs: expected no option but b/],
  ["gdnGate", { a: undefined }, {}, /^a: expected a tensor, got undefined/],
  ["gdnGate", { a_log: x }, {}, /^inputs: .*did you mean aLog/],
  ["gdnGate", { aLog: f32(1, 1, 4) }, {}, /^aLog: expected 1 × 1 × 8, got 1 × 1 × 4/],
  ["gdnGate", { dtBias: f32(1, 2, 8) }, {}, /^dtBias: expected 1 × 1 × 8/],
  ["gdnGate", { a: byHeads }, {}, /^a: expected one head a sequence/],
  ["kdaGate", { aLog: f32(1, 1, 3) }, {}, /^x: expected columns in a multiple of the 3 heads of aLog, got 8/],
  ["kdaGate", { aLog: undefined }, {}, /^aLog: expected a tensor/],
  ["kdaGate", { dtBias: f32(1, 1, 2) }, {}, /^dtBias: expected 1 × 1 × 8/],
  ["kdaGate", { aLog: backend.empty([1, 1, 2], "f64") }, {}, /^aLog: expected f32, got f64/],
  ["kdaGate", {}, { lowerBound: 5 }, /^lowerBound: expected a number < 0, got 5/],
  ["kdaGate", {}, { lowerBound: -Infinity }, /^lowerBound: expected a number < 0/],
  ["kdaGate", {}, { lower_bound: -5 }, /^options: .*did you mean lowerBound/],
  ["l2Norm", { x: gone }, {}, /^x: expected a live object/],
  ["l2Norm", {}, { heads: 3 }, /^x: expected columns in a multiple of 3 heads, got 8/],
  ["l2Norm", {}, { heads: 0.5 }, /^heads: expected an integer ≥ 1/],
  ["l2Norm", {}, { eps: 0 }, /^eps: expected a number > 0/],
  ["l2Norm", {}, { eps: 1e-40 }, /^eps: expected a number > 0, of at least .* in f32, got 1e-40/],
  ["gatedRmsNorm", { weight: f32(1, 1, 4) }, {}, /^weight: expected 1 × 1 × 8, got 1 × 1 × 4/],
  ["gatedRmsNorm", { weight: f32(1, 1, 8) }, { heads: 2 }, /^weight: expected 1 × 1 × 4/],
  ["gatedRmsNorm", { gate: f32(1, 5, 8) }, {}, /^gate: expected 1 × 6 × 8/],
  ["gatedRmsNorm", { z: x }, {}, /^inputs: expected no option but x, gate, weight/],
  ["gatedRmsNorm", {}, { activation: "swish" }, /^activation: expected "silu" or "sigmoid", got "swish"/],
  ["gatedRmsNorm", {}, { eps: Number.NaN }, /^eps: expected a number > 0/],
  ["causalConv", { weight: f32(8, 4, 1) }, {}, /^weight: expected 8 × 1 × 1, got 8 × 4 × 1/],
  ["causalConv", { weight: f32(8, 1, 0) }, {}, /^weight: expected one tap or more/],
  ["causalConv", { weight: undefined }, {}, /^weight: expected a tensor/],
  ["causalConv", { bias: f32(1, 8, 1) }, {}, /^bias: expected 1 × 1 × 8/],
  ["causalConv", {}, { layout: "tbc" }, /^layout: expected "btc" or "bct", got "tbc"/],
  ["causalConv", {}, { layout: "bct" }, /^weight: expected 6 × 1 × 4/],
  ["causalConv", {}, { activation: "relu" }, /^activation: expected "none", "silu" or "swish"/],
  ["causalConv", {}, { initialState: f32(1, 4, 8) }, /^initialState: expected 1 × 3 × 8, got 1 × 4 × 8/],
  ["causalConv", {}, { finalState: f32(1, 8, 3) }, /^finalState: expected 1 × 3 × 8/],
  ["causalConv", {}, { sequences: Int32Array.of(0, 5) }, /^sequences: expected bounds from 0 to 6/],
  ["causalConv", {}, { padding: { side: "left" } }, /^padding.lengths: expected an Int32Array of 1 lengths/],
  [
    "causalConv",
    {},
    { padding: { side: "left", lengths: Int32Array.of(7) } },
    /^padding.lengths: expected lengths from 0 to 6, got 7/,
  ],
  [
    "causalConv",
    {},
    { padding: { side: "left", lengths: Int32Array.of(6) }, sequences: Int32Array.of(0, 6) },
    /^padding: expected none beside sequences/,
  ],
  [
    "causalConv",
    {},
    { sequences: Int32Array.of(0, 3, 6), initialState: state },
    /^initialState: expected 2 × 3 × 8/,
  ],
  [
    "causalConv",
    {},
    { finalState: backend.view(x, [1, 3, 8], { ...x.layout, offset: 24 }) },
    /^finalState: expected a tensor that does not overlap x/,
  ],
  [
    "causalConv",
    {},
    { finalState: backend.view(state, [1, 3, 8], { ...state.layout, row: 0 }) },
    /^finalState: expected a tensor whose elements are all distinct/,
  ],
];

type Call = (backend: Backend, ...rest: unknown[]) => unknown;

test.each(cases)("%s with %o, %o", (name, changed, options, pattern) => {
  const memory = backend.memory();
  const given = { ...inputs[name], ...changed };
  // gdnGate takes no options, and its gradient takes none after the cotangents. The cases give it none.
  const forward = all[name] as unknown as Call;
  const backward = all[`${name}Vjp`] as unknown as Call;
  const own = backend as unknown as Backend;
  expect(() => forward(own, given, options)).toThrow(pattern);
  expect(() => backward(own, given, { output: x }, options)).toThrow(pattern);
  expect(backend.memory()).toEqual(memory);
});

describe.each(Object.keys(inputs) as Name[])("%s", (name) => {
  const forward = all[name] as unknown as Call;
  const backward = all[`${name}Vjp`] as unknown as Call;

  test("cotangents", () => {
    const memory = backend.memory();
    const call = (cotangents: unknown) => () =>
      backward(backend as unknown as Backend, inputs[name], cotangents);
    expect(call(undefined)).toThrow(/^cotangents: expected \{ output/);
    expect(call({ out: x })).toThrow(/^cotangents: .*did you mean output/);
    expect(call({ output: state })).toThrow(/^cotangents.output: expected 1 × 6 × 8/);
    expect(call({ output: byHeads })).toThrow(/^cotangents.output: expected 1 × 6 × 8/);
    expect(() => forward(backend as unknown as Backend, undefined)).toThrow(/^inputs: expected/);
    expect(backend.memory()).toEqual(memory);
  });

  const kernels: Record<Name, readonly [KernelName, KernelName]> = {
    betaGate: ["gate", "gate"],
    gdnGate: ["gate", "gate"],
    kdaGate: ["gate", "gate"],
    l2Norm: ["normalizeRows", "normalizeRows"],
    gatedRmsNorm: ["gatedNorm", "gatedNorm"],
    causalConv: ["causalConv", "causalConvVjp"],
  };

  test("a device without the kernel refuses, and one whose kernel fails is left clean", () => {
    for (const [index, kernel] of kernels[name].entries()) {
      for (const device of [createDeviceBackend(kernel), createDeviceBackend(undefined, [kernel])]) {
        const own = device as unknown as Backend;
        const tensors = Object.fromEntries(
          Object.entries(inputs[name]).map(([input, { shape }]) => [input, own.empty(shape as Shape)]),
        );
        const memory = own.memory();
        const rest = index === 0 ? [] : [{ output: Object.values(tensors)[0] }];
        const call = () => (index === 0 ? forward : backward)(own, tensors, ...rest);
        const missing = own.supports.missing!.length > 0;
        if (missing) expect(call).toThrow(UnsupportedError);
        expect(call).toThrow(
          missing ? `backend: expected one with the kernel ${kernel}` : `${kernel} is broken`,
        );
        expect(own.memory()).toEqual(memory);
      }
    }
  });

  test.each(backends)("sizes of zero, and absent cotangents, on $name", async ({ create }) => {
    const own = await create();
    for (const [B, T, H, D] of [
      [0, 3, 2, 4],
      [2, 0, 2, 4],
      [2, 3, 2, 0],
      [2, 3, 2, 4],
    ] as const) {
      const cols = name === "gdnGate" || name === "betaGate" ? H : H * D;
      const shapes: Record<string, Shape> = {
        ...{
          x: [B, T, cols],
          a: [B, T, cols],
          b: [B, T, cols],
          gate: [B, T, cols],
          aLog: [1, 1, H],
          dtBias: [1, 1, cols],
        },
        weight: name === "causalConv" ? [cols, 1, 4] : [1, 1, cols],
        bias: [1, 1, cols],
      };
      const ones = (shape: Shape) =>
        shape.includes(0)
          ? own.empty(shape)
          : own.upload({ data: new Float32Array(1).fill(0.5), shape, strides: [0, 0, 0] });
      const tensors = Object.fromEntries(
        Object.keys(inputs[name]).map((input) => [input, ones(shapes[input]!)]),
      );
      const before = own.memory();
      const result = forward(own, tensors) as { shape?: Shape; output?: { shape: Shape } };
      expect((result.shape ?? result.output!.shape).join()).toBe([B, T, cols].join());
      await take(own, (result.shape ? { result } : result) as never);
      const gradients = backward(own, tensors, {}) as Record<string, { shape: Shape }>;
      for (const [input, gradient] of Object.entries(gradients))
        expect(gradient.shape).toEqual(shapes[input]);
      for (const data of Object.values(await take(own, gradients as never)))
        expect(data.every((value) => value === 0)).toBe(true);
      expect(own.memory()).toEqual(before);
    }
    await own.dispose();
  });
});

test.each(backends)("a convolution of no tokens hands its state on, on $name", async ({ create }) => {
  const own = await create();
  const none = own.empty([2, 0, 1]);
  const weight = own.upload({ data: Float32Array.of(1, 2, 3), shape: [1, 1, 3] });
  const initialState = own.upload({ data: Float32Array.of(5, 6, 7, 8), shape: [2, 2, 1] });
  const { finalState } = all.causalConv(own, { x: none, weight }, { initialState, finalState: true });
  expect([...(await own.read(finalState!))]).toEqual([5, 6, 7, 8]);
  const fresh = all.causalConv(own, { x: none, weight }, { finalState: true });
  expect([...(await own.read(fresh.finalState!))]).toEqual([0, 0, 0, 0]);
  const back = all.causalConvVjp(own, { x: none, weight }, { finalState: initialState }, { initialState });
  expect([...(await own.read(back.initialState!))]).toEqual([5, 6, 7, 8]);
  expect([...(await own.read(back.weight))]).toEqual([0, 0, 0]);
  await own.dispose();
});
