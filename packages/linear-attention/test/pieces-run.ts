import { unitRoundoff, type Backend, type Dtype, type FloatArray, type Shape, type Tensor } from "@dlrt/core";
import { expect } from "vitest";
import { put, take } from "./backends.js";
import { numbers } from "./random.js";
import { arraysOf, type PieceCase } from "./pieces.js";

export type Arrays = Record<string, Float64Array>;

/** Returns the largest difference in units of ε times the condition of its element. `least`, what underflow may cost, is not counted. */
export function stepsOff(
  got: FloatArray,
  expected: Float64Array,
  condition: Float64Array,
  dtype: Dtype,
  least = dtype === "f32" ? 2 ** -149 : 2 ** -1074,
): number {
  if (got.length !== expected.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < got.length; i++) {
    const d = Math.max(0, Math.abs(got[i]! - expected[i]!) - least);
    if (d !== 0) worst = Math.max(worst, d / (unitRoundoff[dtype] * condition[i]!));
    if (Number.isNaN(d)) return Infinity;
  }
  return worst;
}

export const upload = (
  backend: Backend,
  piece: PieceCase,
  arrays: Arrays,
  dtype: Dtype,
): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(piece.shapes).map(([name, shape]) => [name, put(backend, arrays[name]!, shape, dtype)]),
  );

/** Returns the shapes of the results, by their names. */
export function resultShapes(piece: PieceCase): Record<string, Shape> {
  const { x, a, b, weight, initialState } = piece.shapes;
  const output = (x ?? a ?? b)!;
  if (!piece.name.startsWith("causalConv")) return { output };
  const taps = weight![2];
  const count = piece.reference(arraysOf(piece, 1)).finalState!.length;
  const rows = Math.max(1, (taps - 1) * output[2]);
  return { output, finalState: initialState ?? [count / rows, taps - 1, output[2]] };
}

export async function gradientsOf(
  backend: Backend,
  piece: PieceCase,
  arrays: Arrays,
  cotangents: Arrays,
  dtype: Dtype,
): Promise<Record<string, FloatArray>> {
  const shapes = resultShapes(piece);
  const inputs = upload(backend, piece, arrays, dtype);
  const bars = Object.fromEntries(
    Object.entries(cotangents).map(([name, data]) => [name, put(backend, data, shapes[name]!, dtype)]),
  );
  const before = backend.memory();
  const gradients = piece.backward(backend, inputs, bars);
  expect(Object.keys(gradients).sort()).toEqual(Object.keys(piece.shapes).sort());
  for (const [name, t] of Object.entries(gradients)) expect(t!.shape, name).toEqual(piece.shapes[name]);
  expect(backend.memory().tensors - before.tensors).toBe(Object.keys(gradients).length);
  const read = await take(backend, gradients);
  expect(backend.memory()).toEqual(before);
  for (const t of [...Object.values(inputs), ...Object.values(bars)]) t.dispose();
  expect(backend.memory()).toEqual({ tensors: 0, bytes: 0 });
  return read;
}

export const cotangentsOf = (piece: PieceCase, arrays: Arrays): Arrays => {
  const { output, finalState } = piece.reference(arrays);
  const bars = { output: numbers(output.length, 11) };
  return finalState ? { ...bars, finalState: numbers(finalState.length, 12) } : bars;
};
