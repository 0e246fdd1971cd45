import type { Shape } from "@dlrt/core";
import { expect } from "vitest";
import { createWebGpuBackend, type GpuTensor, type WebGpuBackend } from "../../src/node.js";
import type { Judged } from "./pieces.js";
import { EPSILON } from "./structured.js";

export interface OnDevice {
  /** One that takes everything at once, and one on the same device with so little memory that it works in segments. */
  readonly both: readonly WebGpuBackend[];
  put(on: WebGpuBackend, data: ArrayLike<number>, shape: Shape): GpuTensor;
  /** A tensor of NaN. */
  poison(on: WebGpuBackend, ...shape: Shape): GpuTensor;
  /** Disposes what `put` and `poison` made; nothing else must be left. */
  clear(): void;
  dispose(): Promise<void>;
}

export async function onDevice(): Promise<OnDevice> {
  const whole = await createWebGpuBackend({ selfTest: false });
  const small = { maxBindingBytes: 4096, maxScratchBytes: 8192 };
  const pieces = await createWebGpuBackend({ selfTest: false, device: whole.device, ...small });
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

/** One batch entry, as rows. */
export function rowsOf(data: ArrayLike<number>, [, rows, cols]: Shape, entry: number): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: cols }, (__, column) => data[(entry * rows + row) * cols + column]!),
  );
}

/** The largest error over its bound, in ε; what is below the normal numbers may count as 0. */
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
