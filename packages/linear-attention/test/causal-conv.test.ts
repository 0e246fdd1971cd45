import type { Backend, FloatArray, Tensor } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import { causalConv, causalConvVjp, type CausalConvOptions } from "../src/index.js";
import { backends, put, take } from "./backends.js";
import { numbers } from "./random.js";
import { turned } from "./turned.js";

const [C, K] = [6, 4];
/** Makes a convolution's inputs on a backend: x [batch, tokens, C], weights of K taps, and a bias. */
function inputsOf(backend: Backend, batch: number, tokens: number) {
  return {
    x: put(backend, numbers(batch * tokens * C, 1), [batch, tokens, C], "f32"),
    weight: put(backend, numbers(C * K, 2), [C, 1, K], "f32"),
    bias: put(backend, numbers(C, 3), [1, 1, C], "f32"),
  };
}

/** Returns the tokens `from` to `to` of every sequence as a view, `to` excluded. */
const tokens = (backend: Backend, x: Tensor, from: number, to: number): Tensor =>
  backend.view(x, [x.shape[0], to - from, C], { ...x.layout, offset: from * x.layout.row });

/** Joins the pieces of a batch, so that each sequence has its rows one piece after the other. */
function joined(pieces: readonly FloatArray[], batch: number): number[] {
  return Array.from({ length: batch }, (_, b) =>
    pieces.flatMap((piece) => [...piece.slice((b * piece.length) / batch, ((b + 1) * piece.length) / batch)]),
  ).flat();
}

describe.each(backends)("$name", (own) => {
  test.each([[[5, 6]], [[1, 10]], [[10, 1]], [[2, 2, 7]], [Array.from({ length: 11 }, () => 1)]])(
    "11 tokens in pieces of %j have the bits of the whole, the state in place",
    async (lengths) => {
      const backend = await own.create();
      const inputs = inputsOf(backend, 2, 11);
      const state = put(backend, numbers(2 * (K - 1) * C, 4), [2, K - 1, C], "f32");
      const options = { activation: "silu", initialState: state } as const;
      const whole = await take(backend, { ...causalConv(backend, inputs, { ...options, finalState: true }) });
      const pieces: FloatArray[] = [];
      for (const [index, length] of lengths.entries()) {
        const from = lengths.slice(0, index).reduce((sum, each) => sum + each, 0);
        const x = tokens(backend, inputs.x, from, from + length);
        const got = causalConv(backend, { ...inputs, x }, { ...options, finalState: state });
        expect(got.finalState).toBe(state);
        pieces.push(await backend.read(got.output));
      }
      expect(joined(pieces, 2)).toEqual([...whole["output"]!]);
      expect(await backend.read(state)).toEqual(whole["finalState"]);
      await backend.dispose();
    },
  );

  test("packed sequences have the bits of separate ones, gradients too", async () => {
    const backend = await own.create();
    const inputs = inputsOf(backend, 1, 9);
    const bounds = [0, 2, 2, 3, 9];
    const count = bounds.length - 1;
    const size = (K - 1) * C;
    const initialState = put(backend, numbers(count * size, 4), [count, K - 1, C], "f32");
    const finalState = put(backend, numbers(count * size, 5), [count, K - 1, C], "f32");
    const sequences = Int32Array.from(bounds);
    const options = { activation: "swish", initialState } as const;
    const packed = { ...options, sequences };
    const got = await take(backend, { ...causalConv(backend, inputs, { ...packed, finalState: true }) });
    const back = await take(backend, {
      ...causalConvVjp(backend, inputs, { output: inputs.x, finalState }, packed),
    });
    const sums = new Float64Array(C);
    for (let n = 0; n < count; n++) {
      const [from, to] = [bounds[n]!, bounds[n + 1]!];
      const x = tokens(backend, inputs.x, from, to);
      const stateOf = (t: Tensor): Tensor =>
        backend.view(t, [1, K - 1, C], { ...t.layout, offset: n * size });
      const alone = { ...options, initialState: stateOf(initialState) };
      const one = await take(backend, {
        ...causalConv(backend, { ...inputs, x }, { ...alone, finalState: true }),
      });
      expect(one["output"]).toEqual(got["output"]!.slice(from * C, to * C));
      expect(one["finalState"]).toEqual(got["finalState"]!.slice(n * size, (n + 1) * size));
      const bars = { output: x, finalState: stateOf(finalState) };
      const oneBack = await take(backend, { ...causalConvVjp(backend, { ...inputs, x }, bars, alone) });
      expect(oneBack["x"]).toEqual(back["x"]!.slice(from * C, to * C));
      expect(oneBack["initialState"]).toEqual(back["initialState"]!.slice(n * size, (n + 1) * size));
      oneBack["bias"]!.forEach((value, c) => (sums[c]! += value));
    }
    sums.forEach((value, c) => expect(Math.abs(value - back["bias"]![c]!)).toBeLessThan(2 ** -22));
    await backend.dispose();
  });

  test.each([{ sequences: undefined }, { sequences: Int32Array.of(0, 2, 2, 7) }])(
    "channels first, as in ONNX, has the bits of channels last: %j",
    async ({ sequences }) => {
      const backend = await own.create();
      const [batch, T] = [sequences ? 1 : 2, 7];
      const count = sequences ? sequences.length - 1 : batch;
      const { x, weight, bias } = inputsOf(backend, batch, T);
      const state = put(backend, numbers(count * (K - 1) * C, 4), [count, K - 1, C], "f32");
      const other = async (t: Tensor): Promise<Tensor> => {
        const [n, rows, cols] = t.shape;
        return put(
          backend,
          turned(Float64Array.from(await backend.read(t)), rows, cols),
          [n, cols, rows],
          "f32",
        );
      };
      const first = await other(x);
      const firstState = await other(state);
      const run = async (
        options: CausalConvOptions,
        own: Tensor,
        initialState: Tensor,
      ): Promise<Record<string, FloatArray>> => {
        const all = { activation: "silu", sequences, initialState, ...options } as const;
        const results = causalConv(backend, { x: own, weight, bias }, { ...all, finalState: true });
        const bars = { output: own, finalState: initialState };
        const gradients = causalConvVjp(backend, { x: own, weight, bias }, bars, all);
        return take(backend, { ...results, ...gradients });
      };
      const last = await run({}, x, state);
      const got = await run({ layout: "bct" }, first, firstState);
      for (const [name, rows] of [
        ["output", T],
        ["x", T],
        ["finalState", K - 1],
        ["initialState", K - 1],
      ] as const)
        expect(got[name], name).toEqual(turned(last[name]!, rows, C));
      expect(got["weight"]).toEqual(last["weight"]);
      expect(got["bias"]).toEqual(last["bias"]);
      await backend.dispose();
    },
  );

  test("the state of fewer tokens than taps keeps what was there, or zeros", async () => {
    const backend = await own.create();
    const weight = put(backend, Float64Array.of(1, 2, 3, 4), [1, 1, 4], "f32");
    const x = put(backend, Float64Array.of(5, 6), [1, 2, 1], "f32");
    const first = await take(backend, { ...causalConv(backend, { x, weight }, { finalState: true }) });
    expect([...first["output"]!]).toEqual([20, 39]);
    expect([...first["finalState"]!]).toEqual([0, 5, 6]);
    const initialState = put(backend, Float64Array.of(7, 8, 9), [1, 3, 1], "f32");
    const next = await take(backend, {
      ...causalConv(backend, { x, weight }, { initialState, finalState: true }),
    });
    expect([...next["output"]!]).toEqual([70, 65]);
    expect([...next["finalState"]!]).toEqual([9, 5, 6]);
    await backend.dispose();
  });
});
