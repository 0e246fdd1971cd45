// A layer's small pieces against what core computes of the same elements on the host. Their accuracy on random and extreme data is judged, with
// that of every backend, in the tests of @dlrt/linear-attention.
import { unitRoundoff, type Backend, type Dtype, type FloatArray, type Shape } from "@dlrt/core";
import { runPiece } from "@dlrt/core/backend";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { contiguous, everyPiece, host, inputsOf, scattered, type PieceSizes } from "./pieces.js";

const kinds = (["f32", "f64"] as const).flatMap((dtype) =>
  [false, true].map((relaxed) => ({ dtype, relaxed })),
);

/** Within blocks and over their ends, of tokens (16), columns (8, 64) and taps. */
const sizes: readonly PieceSizes[] = [
  { batch: 2, n: 1, p: 1, taps: 1, silu: true, all: true },
  { batch: 2, n: 3, p: 5, taps: 4, silu: true, all: true },
  { batch: 2, n: 2, p: 7, taps: 4, silu: false, all: false },
  { batch: 2, n: 33, p: 70, taps: 4, silu: true, all: true },
  { batch: 4, n: 50, p: 64, taps: 4, silu: true, all: false },
  { batch: 2, n: 16, p: 130, taps: 2, silu: false, all: true },
  { batch: 2, n: 40, p: 9, taps: 30, silu: true, all: true },
  { batch: 2, n: 20, p: 3, taps: 30, silu: true, all: false },
];

const largest = (data: FloatArray): number => {
  let most = 0;
  for (const x of data) most = Math.max(most, Math.abs(x));
  return most;
};

/**
 * Both sides compute in f64. In f32 that leaves one rounding, which falls the other way only where the f64 numbers lie on both sides of a
 * border; in f64 it leaves a few.
 */
function expectAsOnHost(got: FloatArray, want: FloatArray, dtype: Dtype, name: string): void {
  const eps = unitRoundoff[dtype];
  const least = largest(want) * (dtype === "f32" ? 2 ** -30 : 32 * eps);
  const differences = Array.from(want, (x, at) => Math.abs(got[at]! - x));
  const far = differences.filter(
    (off, at) => !(off <= (dtype === "f32" ? 2 * eps * Math.abs(want[at]!) : 0) + least),
  );
  expect(far, name).toEqual([]);
  if (dtype === "f32")
    expect(differences.filter((off) => off > 0).length, name).toBeLessThanOrEqual(1 + want.length / 50);
}

let backend: Backend<WasmTensor>;
afterEach(() => backend.dispose());

describe.each(kinds)("$dtype, relaxed: $relaxed", ({ dtype, relaxed }) => {
  beforeEach(async () => {
    backend = await createWasmBackend({ threads: 1, relaxed });
  });

  test.each(sizes)(
    "$n tokens of $p columns, $taps taps, silu: $silu, with all there may be: $all: as on the host, and the same bits in any layout",
    async (size) => {
      const inputs = inputsOf(size, dtype);
      const want = everyPiece(host, contiguous(backend, dtype), size, inputs);
      // What lay in the scratch does not show.
      const nothing = Object.entries(inputs).map(([name, [shape, data]]) => [
        name,
        [shape, data.map(() => Number.NaN)],
      ]);
      everyPiece(backend, contiguous(backend, dtype), size, Object.fromEntries(nothing));
      const got = everyPiece(backend, contiguous(backend, dtype), size, inputs);
      const wide = everyPiece(backend, scattered(backend, dtype), size, inputs);
      for (const [name, t] of Object.entries(want)) {
        expectAsOnHost(got[name]!.data, t.data, dtype, name);
        expect(await backend.read(wide[name]!), name).toEqual(got[name]!.data);
        // and nothing beside the elements of a view
        const written = wide[name]!.data.filter((x) => !Number.isNaN(x)).length;
        expect(written, name).toBe(t.data.length);
      }
    },
  );

  test("what is not a number, or infinite, spoils what it does on the host", () => {
    const size = { batch: 2, n: 40, p: 11, taps: 4, silu: true, all: true };
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      for (const spoilt of ["x", "state", "bar", "gate", "weight"]) {
        const inputs = inputsOf(size, dtype);
        inputs[spoilt]![1][spoilt === "x" ? 17 * 11 + 2 : 2] = value;
        const want = everyPiece(host, contiguous(backend, dtype), size, inputs);
        const got = everyPiece(backend, contiguous(backend, dtype), size, inputs);
        for (const [name, t] of Object.entries(want)) {
          const finite = (data: FloatArray): boolean[] => Array.from(data, Number.isFinite);
          expect(finite(got[name]!.data), `${value} in ${spoilt}: ${name}`).toEqual(finite(t.data));
        }
      }
    }
  });

  test("sums over 65,536 tokens each of which alone would be lost", () => {
    const n = 65_536;
    const eps = unitRoundoff[dtype];
    const bars = new Float64Array(n).fill(0.9 * eps);
    bars[0] = 1;
    const place = contiguous(backend, dtype);
    const column = (data: readonly number[] | Float64Array): WasmTensor =>
      place([1, data.length, 1], Float64Array.from(data));
    const gradients = { weight: place([1, 2, 1]), bias: place([1, 1, 1]) };
    backend.kernels.causalConvVjp!({
      ...{ batch: 1, n, p: 1, taps: 2, activation: "none", gradients },
      ...{ x: column(new Float64Array(n).fill(1)), weight: column([1, 1]), cotangent: column(bars) },
    });
    const small = (n - 1) * 0.9 * eps;
    // the first token meets nothing by the first tap
    const [first, last, bias] = [...gradients.weight.data, gradients.bias.data[0]!];
    for (const value of [last!, bias!]) expect(Math.abs(value - 1 - small)).toBeLessThanOrEqual(16 * eps);
    expect(Math.abs(first! / small - 1)).toBeLessThanOrEqual(16 * eps);
  });

  test("squares of 4,096 columns each of which alone would be lost", () => {
    const p = 4096;
    const place = contiguous(backend, dtype);
    const eps = unitRoundoff[dtype];
    const x = place([1, 1, p], new Float64Array(p).fill(Math.sqrt(0.9 * eps)));
    x.data[0] = 1;
    const out = place([1, 1, p]);
    backend.kernels.gatedNorm!({ batch: 1, n: 1, p, eps: 2 ** -100, activation: "silu", x, out });
    const exact = Math.sqrt(p / (1 + (p - 1) * x.data[1]! ** 2));
    // Four lanes add up blocks of 8, and the root halves what that costs.
    expect(Math.abs(out.data[0]! / exact - 1)).toBeLessThanOrEqual(
      (dtype === "f32" ? 1.01 : p / 64 + 8) * eps,
    );
  });

  test("a gradient that nobody asks for is not written, and a call allocates nothing that counts", () => {
    const size = { batch: 2, n: 20, p: 10, taps: 4, silu: true, all: true };
    const { batch, n, p, taps } = size;
    const place = contiguous(backend, dtype);
    const t = Object.fromEntries(
      Object.entries(inputsOf(size, dtype)).map(([name, [shape, data]]) => [name, place(shape, data)]),
    ) as Record<string, WasmTensor>;
    const [x, weight, cotangent, gate] = [t["x"]!, t["weight"]!, t["bar"]!, t["gate"]!];
    const conv = { batch, n, p, taps, activation: "silu", x, weight, cotangent } as const;
    const norm = { batch, n, p, eps: 1e-5, activation: "silu", x, gate, cotangent } as const;
    const whole = { x: place(x.shape), weight: place(weight.shape) };
    backend.kernels.causalConvVjp!({ ...conv, gradients: whole });
    const wholeNorm = { x: place(x.shape), gate: place(x.shape), weightTerms: place(x.shape) };
    backend.kernels.gatedNorm!({ ...norm, gradients: wholeNorm });
    const before = backend.memory();
    for (const [name, want] of Object.entries(whole)) {
      const alone = place(want.shape);
      backend.kernels.causalConvVjp!({ ...conv, gradients: { [name]: alone } });
      expect(alone.data, name).toEqual(want.data);
      alone.dispose();
    }
    for (const [name, want] of Object.entries(wholeNorm)) {
      const alone = place(want.shape);
      backend.kernels.gatedNorm!({ ...norm, gradients: { [name]: alone } });
      expect(alone.data, name).toEqual(want.data);
      alone.dispose();
    }
    expect(backend.memory()).toEqual(before);
  });
});

test.each(kinds)(
  "$dtype, relaxed: $relaxed: the same bits for every number of threads",
  async ({ dtype, relaxed }) => {
    const size = { batch: 6, n: 120, p: 150, taps: 4, silu: true, all: true };
    const bits: Record<string, FloatArray>[] = [];
    for (const options of [
      { build: "simd" },
      { threads: 1, build: "simd+threads" },
      { threads: 2 },
      { threads: 5 },
    ] as const) {
      backend = await createWasmBackend({ ...options, relaxed });
      const results = everyPiece(backend, contiguous(backend, dtype), size, inputsOf(size, dtype));
      bits.push(Object.fromEntries(Object.entries(results).map(([name, t]) => [name, t.data.slice()])));
      await backend.dispose();
    }
    const bytes = (t: FloatArray): Buffer => Buffer.from(t.buffer, t.byteOffset, t.byteLength);
    for (const other of bits.slice(1))
      for (const [name, t] of Object.entries(bits[0]!))
        expect(Buffer.compare(bytes(other[name]!), bytes(t)), name).toBe(0);
  },
);

test("rows that heads share, one row for all", async () => {
  backend = await createWasmBackend({ threads: 1 });
  const size = { batch: 4, n: 20, p: 6, taps: 3, silu: true, all: true };
  const inputs = inputsOf(size, "f32");
  const place = contiguous(backend, "f32");
  const [shape, data] = inputs["x"]!;
  const half = place([2, 20, 6], data.slice(0, data.length / 2));
  const [row, scale] = [
    { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: 6 },
    inputs["scale"]![1].slice(0, 6),
  ];
  const one = place([1, 1, 6], scale);
  const conv = { batch: 4, n: 20, p: 6, taps: 1, activation: "none" } as const;
  const run = (x: WasmTensor, weight: WasmTensor): FloatArray => {
    const out = place(shape);
    backend.kernels.causalConv!({ ...conv, x, weight, out });
    return out.data;
  };
  const shared = backend.view(half, shape, { offset: 0, heads: 4, shared: 2, batch: 0, head: 120, row: 6 });
  const repeated = backend.view(one, [4, 1, 6], row);
  const copies = (t: WasmTensor): Promise<FloatArray> => backend.read(t) as Promise<FloatArray>;
  const plainly = run(place(shape, await copies(shared)), place([4, 1, 6] as Shape, await copies(repeated)));
  expect(run(shared, repeated)).toEqual(plainly);
  expect(largest(plainly)).toBeGreaterThan(1);
});

test.each([true, false])("the greatest eps beside squares that overflow, by the kernel: %s", async (own) => {
  backend = await createWasmBackend({ threads: 1 });
  const place = contiguous(backend, "f64");
  const x = place([1, 1, 2], Float64Array.of(1e150, 1e150));
  const out = place([1, 1, 2]);
  const params = { batch: 1, n: 1, p: 2, eps: Number.MAX_VALUE, activation: "silu", x, out } as const;
  runPiece(own ? backend : host, "gatedNorm", params);
  const want = 1e150 / Math.sqrt(Number.MAX_VALUE); // the squares, 1e300 in the mean, are 2⁻²⁷ of it
  for (const y of out.data) expect(y / want).toBeCloseTo(1, 7);
});
