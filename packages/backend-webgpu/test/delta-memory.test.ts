import { contiguousLayout } from "@dlrt/core/backend";
import { expect, test } from "vitest";
import type { GpuTensor } from "../src/index.js";
import type { Context } from "../src/kernels/context.js";
import { packed } from "../src/kernels/operands.js";
import { deltaRuleVjp } from "../src/kernels/delta-rule-vjp.js";

interface Wanted {
  readonly r: number;
  readonly p: number;
  /** How many columns the decay has, or 0 where there is none. */
  readonly decay: number;
  readonly gated: boolean;
  readonly eps: number | undefined;
  /** Whether all tensors lie in one buffer, so that no gradient can be written where it is to be. */
  readonly together: boolean;
}

/** Returns the most bytes of scratch that a call has at a time. */
function scratchOf({ r, p, decay, gated, eps, together }: Wanted): number {
  const [batch, n] = [16, 65536];
  const used: number[] = [];
  let most = 0;
  const scratch = {
    take: (bytes: number) => {
      used.push(bytes);
      most = Math.max(
        most,
        used.reduce((sum, own) => sum + own, 0),
      );
      return {} as GPUBuffer;
    },
    mark: () => used.length,
    releaseTo: (mark: number) => void used.splice(mark),
  };
  const nothing = (): void => undefined;
  const none = packed({ buffer: {} as GPUBuffer, offset: 0, size: 4 }, 1, 1);
  const context: Context = {
    budget: { bindingBytes: 2 ** 31, scratchBytes: 2 ** 28, submitFlops: 5e10, alignment: 256 },
    ...{ software: false, width: 256, chunk: 64, scan: "sequential" },
    nothing: { read: none, write: none },
    stream: { recorder: { scratch, dispatch: nothing, copy: nothing, clear: nothing }, spent: nothing },
  };
  const shared = {};
  const t = (rows: number, cols: number): GpuTensor => {
    const shape = [batch, rows, cols] as const;
    const buffer = together ? shared : {};
    return { shape, layout: contiguousLayout(shape), offset: 0, buffer } as unknown as GpuTensor;
  };
  const operands = () => ({
    ...{ query: t(n, r), key: t(n, r), value: t(n, p), erase: t(n, gated ? r : 1), initialState: t(r, p) },
    ...{ write: gated ? t(n, p) : undefined, decay: decay === 0 ? undefined : t(n, decay) },
  });
  const cotangents = { outCotangent: t(n, p), finalStateCotangent: t(r, p) };
  const sizes = { batch, n, r, p, scale: 1, eps };
  deltaRuleVjp(context, { ...sizes, ...operands(), ...cotangents, gradients: operands() });
  expect(used).toEqual([]);
  return most;
}

test("65,536 tokens of 16 heads take no more than 256 MiB beside operands and gradients", () => {
  for (const [r, p] of [
    [128, 128],
    [30, 190],
  ] as const) {
    for (const decay of [0, 1, r]) {
      for (const together of [false, true]) {
        for (const [gated, eps] of [
          [false, 1e-6],
          [true, undefined],
        ] as const) {
          const bytes = scratchOf({ r, p, decay, gated, eps, together });
          expect(bytes).toBeLessThanOrEqual(2 ** 28);
          expect(bytes).toBeGreaterThan(2 ** 26);
        }
      }
    }
  }
});
