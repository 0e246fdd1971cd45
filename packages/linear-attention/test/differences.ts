import type { FloatArray } from "@dlrt/core";
import { expect } from "vitest";
import { errorOf } from "./layers.js";

/**
 * Compares a gradient in f64 with central differences of `loss` along single elements of `own`, some `count` of them evenly over the array,
 * and the gradient in f32 with that in f64.
 */
export function expectDerivatives(
  name: string,
  own: Float64Array,
  { count, step }: { readonly count: number; readonly step: number },
  loss: (moved: Float64Array) => number,
  { f64, f32 }: Readonly<Record<"f64" | "f32", FloatArray>>,
): void {
  const stride = Math.max(1, Math.floor(own.length / count));
  const at = Array.from({ length: Math.ceil(own.length / stride) }, (_, i) => i * stride);
  const along = (index: number, by: number): number => {
    const moved = own.slice();
    moved[index]! += by;
    return loss(moved);
  };
  const expected = Float64Array.from(at, (i) => (along(i, step) - along(i, -step)) / (2 * step));
  expect(
    expected.some((value) => value !== 0),
    name,
  ).toBe(true);
  // The limit is what the differences lose: the rounding of a loss of about 50, divided by twice the step and by gradients as small as 0.02.
  const got = Float64Array.from(at, (i) => f64[i]!);
  expect(errorOf(got, expected), `${name} against differences`).toBeLessThan(1e-7);
  expect(errorOf(f32, Float64Array.from(f64)), `${name}, f32 against f64`).toBeLessThan(4e-6);
}
