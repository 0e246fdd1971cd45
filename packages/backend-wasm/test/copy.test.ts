// The kernel that brings elements from one layout to another.
import { heads, type Backend } from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { random } from "./problem.js";

const B = 2;

let backend: Backend<WasmTensor>;
beforeEach(async () => {
  backend = await createWasmBackend({ threads: 2 });
});
afterEach(() => backend.dispose());

describe.each(["f32", "f64"] as const)("%s", (dtype) => {
  test.each([1, -0.5])("copy between layouts, α = %s, straight and transposed", async (alpha) => {
    for (const [rows, cols] of [
      [1, 1],
      [3, 5],
      [4, 16],
      [35, 18],
      [70, 33],
    ] as const) {
      const shape = [B, rows, 3 * cols] as const;
      const packed = backend.upload({ data: random(dtype, shape, 3), shape });
      const x = heads(backend, packed, 3);
      const source = await backend.read(x);
      for (const trans of [false, true]) {
        const [m, k] = trans ? [cols, rows] : [rows, cols];
        const space = backend.empty([B, m, 3 * (k + 2)], dtype);
        space.data.fill(Number.NaN);
        const out = backend.view(space, [B * 3, m, k], {
          offset: 1 + (m - 1) * 3 * (k + 2),
          heads: 3,
          shared: 1,
          batch: m * 3 * (k + 2),
          head: k + 2,
          row: -3 * (k + 2),
        });
        backend.kernels.copy({ batch: B * 3, rows: m, cols: k, alpha, trans, x, out });
        const got = await backend.read(out);
        const want = got.map((_, index) => {
          const entry = Math.floor(index / (m * k));
          const [i, j] = [Math.floor(index / k) % m, index % k];
          return alpha * source[entry * m * k + (trans ? j * cols + i : i * cols + j)]!;
        });
        expect(got).toEqual(want);
        expect(space.data.filter((value) => !Number.isNaN(value)).length).toBe(B * 3 * m * k);
      }
    }
  });
});
