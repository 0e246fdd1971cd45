import type { Backend, Dtype, FloatArray, Shape, Tensor } from "@dlrt/core";
import { describe, expect, test } from "vitest";
import { causalConv, causalConvVjp, type CausalConvOptions, type Padding } from "../src/index.js";
import { backends, put, take } from "./backends.js";
import { randomFrom } from "./layers.js";

const [T, C, K] = [7, 6, 4];
/** Neighbours of one length, one without tokens, one without padding, and one shorter than the taps. */
const lengths = Int32Array.of(4, 4, 0, 7, 2);
const B = lengths.length;
const sides = ["left", "right"] as const;

const random = (size: number, seed: number): Float64Array => {
  const next = randomFrom(seed);
  return Float64Array.from({ length: size }, () => Math.fround(next()));
};

const startOf = (side: Padding["side"], n: number): number => (side === "left" ? T - lengths[n]! : 0);
const isPadded = (side: Padding["side"], token: number): boolean => {
  const [n, t] = [Math.floor(token / T), token % T];
  return t < startOf(side, n) || t >= startOf(side, n) + lengths[n]!;
};

/** `value` in the padded rows of an array [B, T, C]. */
const spoil = <A extends FloatArray>(data: A, side: Padding["side"], value: number): A =>
  data.map((x, at) => (isPadded(side, Math.floor(at / C)) ? value : x)) as A;

/** The elements of [N, rows, cols] in the order of [N, cols, rows], or back again. */
function turned<A extends FloatArray>(x: A, rows: number, cols: number): A {
  return x.map((_, at) => {
    const [n, j, i] = [Math.floor(at / (rows * cols)), Math.floor(at / rows) % cols, at % rows];
    return x[(n * rows + i) * cols + j]!;
  }) as A;
}

const arrays = {
  x: random(B * T * C, 1),
  weight: random(C * K, 2),
  bias: random(C, 3),
  initialState: random(B * (K - 1) * C, 4),
  output: random(B * T * C, 5),
  finalState: random(B * (K - 1) * C, 6),
};

interface Made {
  readonly dtype: Dtype;
  readonly layout?: "btc" | "bct";
  /** States as views of an array in which other numbers lie between two heads. */
  readonly byHeads?: boolean;
}

/** A convolution of a padded batch with NaN in all padded rows, forward and back: each result as [B, rows, C]. */
async function padded(
  backend: Backend,
  side: Padding["side"],
  { dtype, layout = "btc", byHeads = false }: Made,
): Promise<Record<string, FloatArray>> {
  const first = layout === "bct";
  const rowsFirst = (data: Float64Array, rows: number): Tensor => {
    const shape: Shape = first ? [B, C, rows] : [B, rows, C];
    return put(backend, first ? turned(data, rows, C) : data, shape, dtype);
  };
  const state = (data: Float64Array): Tensor => {
    if (!byHeads) return rowsFirst(data, K - 1);
    const wide = new Float64Array(2 * data.length).fill(NaN);
    const size = (K - 1) * C;
    for (let n = 0; n < B; n++) wide.set(data.subarray(n * size, (n + 1) * size), 2 * n * size);
    const all = put(backend, wide, [1, 2 * B * (K - 1), C], dtype);
    const layout = { offset: 0, heads: B, shared: 1, batch: 0, head: 2 * size, row: C };
    return backend.view(all, [B, K - 1, C], layout);
  };
  const inputs = {
    x: rowsFirst(spoil(arrays.x, side, NaN), T),
    weight: put(backend, arrays.weight, [C, 1, K], dtype),
    bias: put(backend, arrays.bias, [1, 1, C], dtype),
  };
  const initialState = state(arrays.initialState);
  const options: CausalConvOptions = {
    ...{ activation: "silu", layout, initialState },
    padding: { side, lengths },
  };
  const bars = {
    output: rowsFirst(spoil(arrays.output, side, NaN), T),
    finalState: state(arrays.finalState),
  };
  const before = backend.memory();
  const results = await take(backend, { ...causalConv(backend, inputs, { ...options, finalState: true }) });
  const gradients = await take(backend, { ...causalConvVjp(backend, inputs, bars, options) });
  expect(backend.memory()).toEqual(before);
  // What the caller keeps is written over, wherever it lies.
  const own = causalConv(backend, inputs, { ...options, finalState: initialState });
  expect(await backend.read(initialState)).toEqual(results["finalState"]);
  own.output.dispose();
  for (const t of [...Object.values(inputs), ...Object.values(bars)]) t.dispose();
  const read = { ...results, ...gradients };
  if (!first) return read;
  const rows = { output: T, x: T, finalState: K - 1, initialState: K - 1 };
  for (const [name, count] of Object.entries(rows)) read[name] = turned(read[name]!, C, count);
  return read;
}

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
        // Sums of 17 numbers up to 4, of which each call rounds its own.
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
