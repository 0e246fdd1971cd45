import {
  apply,
  inverse,
  solve,
  trilInverse,
  type Backend,
  type Dtype,
  type Shape,
  type Tensor,
} from "@dlrt/core";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterEach, expect, test, vi } from "vitest";
import { digest, problem, random } from "./problem.js";

/** Ranks and widths on both sides of where the default chunk changes, one entry and several. */
const sizes = [
  [1, 403, 37, 61],
  [3, 403, 37, 61],
  [1, 257, 70, 90],
  [1, 130, 260, 43],
  [2, 150, 96, 17],
] as const;

/** A digest of the bits of every kernel's results, for work large enough to be shared. */
async function everything(backend: Backend<WasmTensor>, dtype: Dtype): Promise<string[]> {
  const results: Tensor[] = [];
  for (const size of sizes) {
    const [batch, n, , p] = size;
    const { op, b, state } = problem(backend, dtype, size);
    for (const trans of [false, true]) {
      const finalState = backend.empty(state.shape, dtype);
      results.push(solve(backend, op, b, { trans, initialState: state, finalState, alpha: 0.5 }), finalState);
      results.push(apply(backend, op, b, { trans, initialState: state }));
    }
    results.push(inverse(backend, op), inverse(backend, op, { chunk: 48 }));
    for (const columns of [1, size[2]]) results.push(...(await decaying(backend, dtype, size, columns)));
    const dot = backend.empty([batch, n, 1], dtype);
    backend.kernels.rowDot({ batch, n, p, alpha: 1, x: b, y: b, out: dot });
    results.push(dot);
  }
  const a = backend.upload({ data: random(dtype, [23, 50, 50], 9), shape: [23, 50, 50] });
  for (let i = 0; i < 23 * 50; i++) a.data[i * 50 + (i % 50)] = 2;
  results.push(trilInverse(backend, a));
  const read = await Promise.all(results.map((t) => backend.read(t as WasmTensor)));
  return read.map(digest);
}

/** The same kernels where the state decays, and those that only such operators need. */
async function decaying(
  backend: Backend<WasmTensor>,
  dtype: Dtype,
  size: (typeof sizes)[number],
  columns: number,
): Promise<Tensor[]> {
  const [batch, n, r, p] = size;
  const { op, b, state } = problem(backend, dtype, size);
  const gap = (cols: number): WasmTensor =>
    backend.upload({
      data: random(dtype, [batch, n, cols], 11).map((x) => 0.4 * (x - 0.5)),
      shape: [batch, n, cols],
    });
  const decays = { ...op, decay: gap(columns) };
  const results: Tensor[] = [];
  for (const trans of [false, true]) {
    const finalState = backend.empty(state.shape, dtype);
    results.push(solve(backend, decays, b, { trans, initialState: state, finalState }), finalState);
    results.push(apply(backend, decays, b, { trans, initialState: state }));
    const out = backend.empty(b.shape, dtype);
    const across = { ...op, decay: gap(p) };
    const call = { batch, n, r, p, op: across, x: b, out, trans, alpha: 1, decayOn: "columns" } as const;
    backend.kernels.apply(call);
    const gradient = backend.empty(decays.decay.shape, dtype);
    const { q, k, decay } = decays;
    backend.kernels.decayVjp({ batch, n, r, trans, decay, q, k, qGradient: k, kGradient: k, out: gradient });
    const copy = backend.empty([batch, p, n], dtype);
    backend.kernels.copy({ batch, rows: p, cols: n, alpha: 0.5, trans: true, x: b, out: copy });
    results.push(out, gradient, copy);
  }
  results.push(inverse(backend, decays));
  return results;
}

const kinds = (["f32", "f64"] as const).flatMap((dtype) =>
  [false, true].map((relaxed) => ({ dtype, relaxed })),
);

test.each(kinds)(
  "$dtype, relaxed: $relaxed: the same bits for every number of threads, and for both builds",
  async ({ dtype, relaxed }) => {
    const bits: string[][] = [];
    for (const options of [
      { build: "simd" },
      { threads: 1, build: "simd+threads" },
      { threads: 2 },
      { threads: 3 },
      { threads: 4 },
      { threads: 8 },
    ] as const) {
      const backend = await createWasmBackend({ ...options, relaxed });
      bits.push(await everything(backend, dtype));
      await backend.dispose();
    }
    const [one, ...others] = bits;
    for (const other of others) expect(other).toEqual(one);
  },
);

test("calls of all sizes in a row, large ones shared and small ones not, find their own work", async () => {
  const backend = await createWasmBackend({ threads: 4 });
  const alone = await createWasmBackend({ threads: 1 });
  for (let round = 0; round < 300; round++) {
    const sizes = [
      1 + (round % 5),
      20 + ((round * 7) % 90),
      1 + (round % 40),
      1 + ((round * 3) % 50),
    ] as const;
    const [y, expected] = [backend, alone].map((on) => {
      const { op, b } = problem(on, "f32", sizes);
      const result = solve(on, op, b);
      const bits = digest(result.data);
      for (const t of [op.diag, op.q, op.k, b, result]) t.dispose();
      return bits;
    });
    expect(y).toBe(expected);
  }
  await Promise.all([backend.dispose(), alone.dispose()]);
});

/** Helpers started so far: faulty-worker.mjs counts them in the memory. */
function starts(t: WasmTensor): number {
  return new Int32Array(t.storage.buffer)[200]!;
}

/** Two threads, of which the helper fails once. */
async function withFaultyHelper(how: "leaves" | "traps" | "hangs"): Promise<Backend<WasmTensor>> {
  vi.stubEnv("FAULT", how);
  return createWasmBackend({ threads: 2, workerUrl: new URL("./faulty-worker.mjs", import.meta.url) });
}

afterEach(() => vi.unstubAllEnvs());

test("a helper that dies between calls is replaced, and no result is lost", async () => {
  const backend = await withFaultyHelper("leaves");
  const { op, b } = problem(backend, "f32", [1, 2000, 32, 32]);
  const expected = digest(solve(backend, op, b).data);
  await expect.poll(() => starts(b)).toBe(2);
  await backend.sync();
  expect(backend.supports.build).toBe("simd+threads (2)");
  expect(digest(solve(backend, op, b).data)).toBe(expected);
  await backend.dispose();
});

test("a helper that traps in the midst of an item fails that call, and only that call", async () => {
  const backend = await withFaultyHelper("traps");
  const { op, b } = problem(backend, "f32", [1, 60_000, 32, 64]);
  const live = backend.memory();
  // On a busy machine the calling thread may finish alone a few times, before the helper claims anything.
  const call = (): void => {
    for (let attempt = 0; attempt < 200; attempt++) solve(backend, op, b).dispose();
  };
  expect(call).toThrow(expect.objectContaining({ code: "DEVICE_LOST" }));
  expect(backend.memory()).toEqual(live);
  expect(backend.supports.build).toBe("simd+threads (1)");
  const alone = digest(solve(backend, op, b).data);
  await backend.sync();
  expect(backend.supports.build).toBe("simd+threads (2)");
  expect(backend.supports.fallback).toBeUndefined();
  expect(digest(solve(backend, op, b).data)).toBe(alone);
  await backend.dispose();
});

test("dispose is idempotent, and its tensors are dead", async () => {
  const backend = await createWasmBackend({ threads: 2 });
  const t = backend.empty([1, 2, 2]);
  await Promise.all([backend.dispose(), backend.dispose()]);
  expect(t.disposed).toBe(true);
  expect(t.data.length).toBe(0);
  expect(() => backend.empty([1, 1, 1])).toThrow(expect.objectContaining({ code: "DISPOSED" }));
});

test("a kernel that has nothing to do waits for no thread: for 0 / 0 items two of them were taken for lost after 10 s", async () => {
  const backend = await createWasmBackend({ threads: 2 });
  const empty = (...shape: Shape): WasmTensor => backend.empty(shape, "f32");
  const none = empty(2, 0, 4);
  const { solve, apply, decayVjp, rowDot, copy, trilInverse, gatedNorm } = backend.kernels;
  const op = { diag: empty(2, 3, 1), q: empty(2, 3, 4), k: empty(2, 3, 4) };
  const noColumns = { batch: 2, n: 3, r: 4, p: 0, trans: false, alpha: 1, op, out: empty(2, 3, 0) };
  solve({ ...noColumns, b: empty(2, 3, 0) });
  apply({ ...noColumns, decayOn: "rank", x: empty(2, 3, 0) });
  const noRank = {
    q: empty(2, 3, 0),
    k: empty(2, 3, 0),
    qGradient: empty(2, 3, 0),
    kGradient: empty(2, 3, 0),
  };
  decayVjp({ batch: 2, n: 3, r: 0, trans: false, decay: empty(2, 3, 0), ...noRank, out: empty(2, 3, 0) });
  rowDot({ batch: 2, n: 0, p: 4, alpha: 1, x: none, y: none, out: empty(2, 0, 1) });
  copy({ batch: 2, rows: 0, cols: 4, alpha: 1, trans: false, x: none, out: empty(2, 0, 4) });
  trilInverse({ batch: 0, c: 3, a: empty(0, 3, 3), out: empty(0, 3, 3) });
  gatedNorm!({ batch: 2, n: 0, p: 4, eps: 1, activation: "silu", x: none, out: empty(2, 0, 4) });
  const x = backend.upload({ data: Float32Array.of(3, 4), shape: [1, 1, 2] });
  const out = empty(1, 1, 1);
  rowDot({ batch: 1, n: 1, p: 2, alpha: 1, x, y: x, out });
  expect(await backend.read(out)).toEqual(Float32Array.of(25));
  await backend.dispose();
});
