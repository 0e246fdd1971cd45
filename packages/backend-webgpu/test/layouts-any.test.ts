import { apply, inverse, solve, trilInverse, type Layout, type Shape } from "@dlrt/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GpuTensor, WebGpuBackend } from "../src/node.js";
import { uniformFrom } from "../../../tooling/random.mjs";
import { onSharedDevice } from "./support/shared-device.js";

let backend: WebGpuBackend;
let pieces: WebGpuBackend;
beforeAll(async () => {
  backend = await onSharedDevice();
  pieces = await onSharedDevice({ maxBindingBytes: 4096, maxScratchBytes: 16384 });
});
afterAll(async () => {
  await pieces.dispose();
  await backend.dispose();
});

const layouts: Readonly<Record<string, (shape: Shape) => [elements: number, layout: Layout]>> = {
  "rows from the last": ([batch, rows, cols]) => [
    batch * rows * cols,
    { offset: (rows - 1) * cols, heads: 1, shared: 1, batch: rows * cols, head: 0, row: -cols },
  ],
  "entries from the last, gaps between rows": ([batch, rows, cols]) => [
    batch * rows * (cols + 3),
    {
      ...{ offset: (batch - 1) * rows * (cols + 3) + 1, heads: 1, shared: 1 },
      ...{ batch: -rows * (cols + 3), head: 0, row: cols + 3 },
    },
  ],
  "heads of three, from the last": ([batch, rows, cols]) => [
    batch * rows * cols,
    {
      ...{ offset: 2 * cols, heads: 3, shared: 1 },
      ...{ batch: rows * 3 * cols, head: -cols, row: 3 * cols },
    },
  ],
};

/** Makes a tensor in the layout of that name. Its buffer holds NaN wherever the tensor has no elements. */
function place(of: WebGpuBackend, name: string, shape: Shape, data: Float32Array): GpuTensor {
  const [elements, layout] = layouts[name]!(shape);
  const all = new Float32Array(elements).fill(Number.NaN);
  const [, rows, cols] = shape;
  data.forEach((value, at) => {
    const [entry, row] = [Math.floor(at / (rows * cols)), Math.floor(at / cols) % rows];
    const within = entry % layout.heads;
    const start = layout.offset + ((entry - within) / layout.heads) * layout.batch + within * layout.head;
    all[start + row * layout.row + (at % cols)] = value;
  });
  const base = of.upload({ data: all, shape: [1, 1, elements] });
  return of.view(base, shape, layout);
}

test.each(Object.keys(layouts))(
  "every kernel, every operand: %s; whole and in small pieces",
  async (name) => {
    const [batch, n, r, p] = [6, 37, 4, 3];
    for (const own of [backend, pieces]) {
      const results: Float32Array[][] = [];
      for (const arrange of [true, false]) {
        const seeded = uniformFrom(11);
        const put = (shape: Shape, value: () => number = () => seeded() - 0.5): GpuTensor => {
          const data = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, value);
          return arrange ? place(own, name, shape, data) : own.upload({ data, shape });
        };
        const poison = (...shape: Shape): GpuTensor => put(shape, () => Number.NaN);
        const op = {
          diag: put([batch, n, 1], () => 1 + seeded()),
          q: put([batch, n, r]),
          k: put([batch, n, r]),
          decay: put([batch, n, r], () => -seeded()),
        };
        const [x, state] = [put([batch, n, p]), put([batch, r, p])];
        const outs = [poison(batch, n, p), poison(batch, n, p), poison(batch, n, n), poison(batch, r, p)];
        outs.push(poison(batch, n, 1), poison(batch, p, n), poison(batch, n, r), poison(batch, 9, 9));
        solve(own, op, x, { out: outs[0]!, initialState: state, finalState: outs[3]!, chunk: 16 });
        apply(own, op, x, { out: outs[1]!, initialState: state, trans: true, chunk: 16 });
        inverse(own, op, { out: outs[2]!, chunk: 16 });
        own.kernels.rowDot({ batch, n, p, alpha: 2, x, y: outs[0]!, out: outs[4]! });
        own.kernels.copy({ batch, rows: p, cols: n, alpha: -3, trans: true, x, out: outs[5]! });
        const { q, k, decay } = op;
        const gradients = { qGradient: k, kGradient: q, start: put([batch, r, 1]) };
        own.kernels.decayVjp({ batch, n, r, trans: true, decay, q, k, ...gradients, out: outs[6]! });
        trilInverse(
          own,
          put([batch, 9, 9], () => 0.5 + seeded()),
          { out: outs[7]! },
        );
        const got: Float32Array[] = [];
        for (const out of outs) got.push(await own.read(out));
        results.push(got);
      }
      expect(results[0]).toEqual(results[1]);
      expect(results[0]!.flatMap((got) => [...got]).every(Number.isFinite)).toBe(true);
    }
  },
);
