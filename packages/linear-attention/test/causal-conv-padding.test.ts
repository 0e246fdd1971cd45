import type { Tensor } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import { causalConv, causalConvVjp } from "../src/index.js";
import { backends, put, take } from "./backends.js";
import { arrays, B, C, K, lengths, padded, spoil, startOf, T } from "./conv-padding.js";
import { sides } from "./padded-batch.js";

describe.each(backends.flatMap((own) => own.dtypes.map((dtype) => ({ ...own, dtype }))))(
  "$name, $dtype",
  ({ create, dtype }) => {
    test.each(sides)(
      "rows padded on the %s play no part: the bits of each sequence by itself",
      async (side) => {
        const backend = await create();
        const got = await padded(backend, side, { dtype });
        for (const name of ["output", "x"] as const) expect(spoil(got[name]!, side, 0)).toEqual(got[name]);
        const weight = put(backend, arrays.weight, [C, 1, K], dtype);
        const bias = put(backend, arrays.bias, [1, 1, C], dtype);
        const sums = { weight: new Float64Array(C * K), bias: new Float64Array(C) };
        const size = (K - 1) * C;
        for (const [n, tokens] of lengths.entries()) {
          const from = (n * T + startOf(side, n)) * C;
          const rows = (data: Float64Array): Tensor =>
            put(backend, data.slice(from, from + tokens * C), [1, tokens, C], dtype);
          const state = (data: Float64Array): Tensor =>
            put(backend, data.slice(n * size, (n + 1) * size), [1, K - 1, C], dtype);
          const options = { activation: "silu", initialState: state(arrays.initialState) } as const;
          const inputs = { x: rows(arrays.x), weight, bias };
          const bars = { output: rows(arrays.output), finalState: state(arrays.finalState) };
          const alone = await take(backend, {
            ...causalConv(backend, inputs, { ...options, finalState: true }),
            ...causalConvVjp(backend, inputs, bars, options),
          });
          for (const name of ["output", "x"] as const)
            expect(got[name]!.slice(from, from + tokens * C), `${name} ${n}`).toEqual(alone[name]);
          for (const name of ["finalState", "initialState"] as const)
            expect(got[name]!.slice(n * size, (n + 1) * size), `${name} ${n}`).toEqual(alone[name]);
          if (tokens === 0)
            expect(Float64Array.from(alone["finalState"]!)).toEqual(
              arrays.initialState.slice(n * size, (n + 1) * size),
            );
          for (const name of ["weight", "bias"] as const)
            alone[name]!.forEach((value, at) => (sums[name][at]! += value));
        }
        // The gradients are sums over 17 tokens of numbers up to 4. One call rounds the whole sum, and the others each round a part of it.
        const limit = dtype === "f32" ? 2 ** -19 : 2 ** -48;
        for (const name of ["weight", "bias"] as const)
          sums[name].forEach((sum, at) => expect(Math.abs(got[name]![at]! - sum), name).toBeLessThan(limit));
        await backend.dispose();
      },
    );

    test.each(sides)(
      "padded on the %s: channels first, or states by heads, have the same bits",
      async (side) => {
        const backend = await create();
        const plain = await padded(backend, side, { dtype });
        expect(await padded(backend, side, { dtype, layout: "bct" })).toEqual(plain);
        expect(await padded(backend, side, { dtype, byHeads: true })).toEqual(plain);
        await backend.dispose();
      },
    );
  },
);

test("a padded batch without tokens, and without sequences", async () => {
  const backend = await backends[0]!.create();
  const weight = put(backend, arrays.weight, [C, 1, K], "f32");
  const initialState = put(backend, arrays.initialState, [B, K - 1, C], "f32");
  for (const side of sides) {
    const none = { side, lengths: new Int32Array(B) };
    const x = put(backend, new Float64Array(B * T * C).fill(NaN), [B, T, C], "f32");
    const options = { padding: none, initialState };
    const { output, finalState } = await take(backend, {
      ...causalConv(backend, { x, weight }, { ...options, finalState: true }),
    });
    expect(output).toEqual(new Float32Array(B * T * C));
    expect(Float64Array.from(finalState!)).toEqual(arrays.initialState);
    const back = await take(backend, {
      ...causalConvVjp(backend, { x, weight }, { output: x, finalState: initialState }, options),
    });
    expect(back["x"]).toEqual(new Float32Array(B * T * C));
    expect(back["weight"]).toEqual(new Float32Array(C * K));
    expect(Float64Array.from(back["initialState"]!)).toEqual(arrays.initialState);
    const empty = put(backend, new Float64Array(0), [0, T, C], "f32");
    const padding = { side, lengths: new Int32Array(0) };
    const nothing = causalConv(backend, { x: empty, weight }, { padding, finalState: true });
    expect([nothing.output.shape, nothing.finalState!.shape]).toEqual([
      [0, T, C],
      [0, K - 1, C],
    ]);
  }
  await backend.dispose();
});
