import type { Backend, Dtype, FloatArray, Shape, Tensor } from "@dlrt/core";
import { expect } from "vitest";
import { causalConv, causalConvVjp, type CausalConvOptions, type Padding } from "../src/index.js";
import { put, take } from "./backends.js";
import { randomFrom } from "../../../tooling/random.mjs";

export const [T, C, K] = [7, 6, 4];
/** Neighbours of one length, one without tokens, one without padding, and one shorter than the taps. */
export const lengths = Int32Array.of(4, 4, 0, 7, 2);
export const B = lengths.length;
export const sides = ["left", "right"] as const;

const random = (size: number, seed: number): Float64Array => {
  const next = randomFrom(seed);
  return Float64Array.from({ length: size }, () => Math.fround(next()));
};

export const startOf = (side: Padding["side"], n: number): number => (side === "left" ? T - lengths[n]! : 0);
const isPadded = (side: Padding["side"], token: number): boolean => {
  const [n, t] = [Math.floor(token / T), token % T];
  return t < startOf(side, n) || t >= startOf(side, n) + lengths[n]!;
};

/** `value` in the padded rows of an array [B, T, C]. */
export const spoil = <A extends FloatArray>(data: A, side: Padding["side"], value: number): A =>
  data.map((x, at) => (isPadded(side, Math.floor(at / C)) ? value : x)) as A;

/** The elements of [N, rows, cols] in the order of [N, cols, rows], or back again. */
function turned<A extends FloatArray>(x: A, rows: number, cols: number): A {
  return x.map((_, at) => {
    const [n, j, i] = [Math.floor(at / (rows * cols)), Math.floor(at / rows) % cols, at % rows];
    return x[(n * rows + i) * cols + j]!;
  }) as A;
}

export const arrays = {
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
export async function padded(
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
