import type { Shape } from "@dlrt/core";
import { expect } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../../src/node.js";
import type { Judged } from "./pieces.js";
import { onSharedDevice } from "./shared-device.js";
import { EPSILON } from "./structured.js";

export interface OnDevice {
  /** Two backends on the shared device: one that takes a call at once, and one with so little memory that it works in segments. */
  readonly both: readonly WebGpuBackend[];
  put(on: WebGpuBackend, data: ArrayLike<number>, shape: Shape): GpuTensor;
  /** Makes a tensor full of NaN. */
  poison(on: WebGpuBackend, ...shape: Shape): GpuTensor;
  /** Disposes what `put` and `poison` made, and expects that no other tensor is left. */
  clear(): void;
  dispose(): Promise<void>;
}

export async function onDevice(): Promise<OnDevice> {
  const whole = await onSharedDevice();
  const small = { maxBindingBytes: 4096, maxScratchBytes: 8192 };
  const pieces = await onSharedDevice(small);
  const both = [whole, pieces];
  const made: GpuTensor[] = [];
  const put = (on: WebGpuBackend, data: ArrayLike<number>, shape: Shape): GpuTensor => {
    made.push(on.upload({ data: Float32Array.from(data), shape }));
    return made.at(-1)!;
  };
  return {
    both,
    put,
    poison: (on, ...shape) =>
      put(on, new Float32Array(shape[0] * shape[1] * shape[2]).fill(Number.NaN), shape),
    clear(): void {
      for (const t of made.splice(0)) t.dispose();
      for (const on of both) expect(on.memory()).toEqual({ tensors: 0, bytes: 0 });
    },
    async dispose(): Promise<void> {
      await pieces.dispose();
      await whole.dispose();
    },
  };
}

/** Returns one batch entry as an array of rows. */
export function rowsOf(data: ArrayLike<number>, [, rows, cols]: Shape, entry: number): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: cols }, (__, column) => data[(entry * rows + row) * cols + column]!),
  );
}

/** Returns the largest ratio of an error to its bound, in ε. A number below the normal ones may count as 0. */
export function worst(got: Float32Array, entries: readonly Judged[]): number {
  const exact = entries.flatMap((of) => of.exact);
  const bound = entries.flatMap((of) => of.bound);
  expect(got.length).toBe(exact.length);
  return exact.reduce((most, value, at) => {
    const error = Math.abs(got[at]! - value);
    const ratio = error <= 2 ** -125 ? 0 : error / (EPSILON * bound[at]!);
    return Math.max(most, Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio);
  }, 0);
}
