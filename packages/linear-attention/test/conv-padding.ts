import type { Backend, Dtype, FloatArray, Shape, Tensor } from "@dlrt/core";
import { expect } from "vitest";
import { causalConv, causalConvVjp, type CausalConvOptions, type Padding } from "../src/index.js";
import { put, take } from "./backends.js";
import { paddedBatch } from "./padded-batch.js";
import { numbers } from "./random.js";
import { turned } from "./turned.js";

export const [T, C, K] = [7, 6, 4];
/** Two neighbours of one length, a sequence without tokens, one without padding, and one that is shorter than the taps. */
export const lengths = Int32Array.of(4, 4, 0, 7, 2);
export const B = lengths.length;
export const { startOf, spoil } = paddedBatch(T, lengths);

export const arrays = {
  x: numbers(B * T * C, 1),
  weight: numbers(C * K, 2),
  bias: numbers(C, 3),
  initialState: numbers(B * (K - 1) * C, 4),
  output: numbers(B * T * C, 5),
  finalState: numbers(B * (K - 1) * C, 6),
};

interface Made {
  readonly dtype: Dtype;
  readonly layout?: "btc" | "bct";
  /** Whether the states are views of an array in which NaN lies between two of them. */
  readonly byHeads?: boolean;
}

/** Computes a convolution of a padded batch with NaN in all padded rows, forward and back. Each result is [B, rows, C]. */
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
  // The final state may be written over the initial one, wherever that lies.
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
