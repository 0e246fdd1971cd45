// What the conformance suite cannot know: sizes at the seams of these kernels.
import { apply, inverse, solve, type Backend, type Dtype } from "@dlrt/core";
import {
  identity,
  matrixOf,
  omega,
  omegaApply,
  omegaInverse,
  omegaRowDot,
  operatorOf,
} from "@dlrt/core/reference";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problem, random } from "./problem.js";

const EPSILON: Readonly<Record<Dtype, number>> = { f32: 2 ** -24, f64: 2 ** -53 };

const dtypes = ["f32", "f64"] as const;

let backend: Backend<WasmTensor>;
beforeAll(async () => {
  backend = await createWasmBackend({ threads: 1 });
});
afterAll(() => backend.dispose());

/** A poisoned output. */
function poisoned(shape: readonly [number, number, number], dtype: Dtype): WasmTensor {
  const t = backend.empty(shape, dtype);
  t.data.fill(Number.NaN);
  return t;
}

test.each([
  // Outer blocks have one inner chunk and several, of which the last is short; r is no multiple of a panel, 0, or more than the rows.
  ["f32", 257, 5, 32],
  ["f32", 300, 0, 256],
  ["f32", 290, 9, 48],
  ["f32", 260, 300, undefined],
  ["f64", 271, 6, 16],
  ["f64", 300, 0, 64],
] as const)("%s inverse, n = %i, r = %i, chunk %s", (dtype, n, r, chunk) => {
  const { op } = problem(backend, dtype, [1, n, r, 1]);
  const out = poisoned([1, n, n], dtype);
  inverse(backend, op, { out, chunk });
  const data = { batch: 1, n, r, diag: op.diag.data, q: op.q.data, k: op.k.data };
  expect(
    omegaInverse(operatorOf(data, 0), matrixOf(out.data, 1, 0), { dtype }) / EPSILON[dtype],
  ).toBeLessThanOrEqual(16);
});

test.each(dtypes)("%s inverse of more than 1024 rows solves T X = I", (dtype) => {
  const [n, r] = [1100, 3];
  const { op } = problem(backend, dtype, [1, n, r, 1]);
  const out = poisoned([1, n, n], dtype);
  inverse(backend, op, { out });
  const reference = operatorOf({ batch: 1, n, r, diag: op.diag.data, q: op.q.data, k: op.k.data }, 0);
  // A residual on one side is no promise of an inverse, but these data are mild, and it costs only O(n² r) to judge.
  const residual = omega(reference, matrixOf(out.data, 1, 0), identity(n), n, { dtype });
  expect(residual / EPSILON[dtype]).toBeLessThanOrEqual(16);
});

test.each([
  // Right-hand sides are cut into several segments by the cache, with a partial panel at the end; or r is half a tile.
  ["f32", 40, 1030, 77],
  ["f64", 40, 1030, 75],
  ["f32", 70, 3, 9],
  ["f64", 70, 2, 5],
] as const)("%s solve and apply, n = %i, r = %i, p = %i, both directions", (dtype, n, r, p) => {
  const { op, b, state } = problem(backend, dtype, [1, n, r, p]);
  const reference = operatorOf({ batch: 1, n, r, diag: op.diag.data, q: op.q.data, k: op.k.data }, 0);
  const rhs = matrixOf(b.data, 1, 0);
  for (const trans of [false, true]) {
    const out = poisoned([1, n, p], dtype);
    const options = { trans, dtype, initialState: matrixOf(state.data, 1, 0) };
    solve(backend, op, b, { trans, initialState: state, out });
    expect(omega(reference, matrixOf(out.data, 1, 0), rhs, p, options) / EPSILON[dtype]).toBeLessThanOrEqual(
      16,
    );
    apply(backend, op, b, { trans, initialState: state, out });
    expect(
      omegaApply(reference, matrixOf(out.data, 1, 0), rhs, p, options) / EPSILON[dtype],
    ).toBeLessThanOrEqual(16);
  }
});

test.each(dtypes)("%s: every number of rows left over, both directions, λ from 2⁻²⁰ to 2²⁰", (dtype) => {
  for (let n = 1; n <= 130; n++) {
    const { op, b } = problem(backend, dtype, [1, n, 3, 3]);
    op.diag.data.forEach((_, i, data) => (data[i] = 2 ** (((i * 7) % 41) - 20) * (i % 3 === 0 ? -1.1 : 1.3)));
    // The couplings are as small as the smallest λ, so that the solution stays finite.
    for (let i = 0; i < n * 3; i++) op.q.data[i]! *= 2 ** -24;
    const reference = operatorOf({ batch: 1, n, r: 3, diag: op.diag.data, q: op.q.data, k: op.k.data }, 0);
    const rhs = matrixOf(b.data, 1, 0);
    for (const trans of [false, true]) {
      const y = solve(backend, op, b, { trans });
      const solved = omega(reference, matrixOf(y.data, 1, 0), rhs, 3, { trans, dtype }) / EPSILON[dtype];
      expect(solved, `solve, n = ${n}, trans: ${trans}`).toBeLessThanOrEqual(16);
      const x = apply(backend, op, b, { trans });
      const applied =
        omegaApply(reference, matrixOf(x.data, 1, 0), rhs, 3, { trans, dtype }) / EPSILON[dtype];
      expect(applied, `apply, n = ${n}, trans: ${trans}`).toBeLessThanOrEqual(16);
      for (const t of [x, y]) t.dispose();
    }
    for (const t of [op.diag, op.q, op.k, b]) t.dispose();
  }
});

test.each(dtypes)("%s: more than 1000 rows and every number of columns left over", (dtype) => {
  const [n, r] = [1030, 2];
  for (let p = 1; p <= 16; p++) {
    const { op, b } = problem(backend, dtype, [1, n, r, p]);
    const reference = operatorOf({ batch: 1, n, r, diag: op.diag.data, q: op.q.data, k: op.k.data }, 0);
    const rhs = matrixOf(b.data, 1, 0);
    const out = poisoned([1, n, p], dtype);
    solve(backend, op, b, { out });
    expect(
      omega(reference, matrixOf(out.data, 1, 0), rhs, p, { dtype }) / EPSILON[dtype],
      `p = ${p}`,
    ).toBeLessThanOrEqual(16);
    apply(backend, op, b, { out });
    expect(
      omegaApply(reference, matrixOf(out.data, 1, 0), rhs, p, { dtype }) / EPSILON[dtype],
      `p = ${p}`,
    ).toBeLessThanOrEqual(16);
    for (const t of [op.diag, op.q, op.k, b, out]) t.dispose();
  }
});

test.each(dtypes)("%s rowDot, every number of columns left over", (dtype) => {
  for (let p = 1; p <= 40; p++) {
    const [x, y] = [1, 2].map((seed) =>
      backend.upload({ data: random(dtype, [1, 50, p], seed), shape: [1, 50, p] }),
    );
    const out = poisoned([1, 50, 1], dtype);
    backend.kernels.rowDot({ batch: 1, n: 50, p, alpha: 0.7, x: x!, y: y!, out });
    const alpha = 0.7;
    const worst = omegaRowDot(x!.data, y!.data, out.data, p, dtype === "f32" ? Math.fround(alpha) : alpha);
    expect(worst / EPSILON[dtype], `p = ${p}`).toBeLessThanOrEqual(16);
    for (const t of [x!, y!, out]) t.dispose();
  }
});

test("a row that must be divided by λ leaves the rows before it as they were, to the bit", () => {
  const { op, b } = problem(backend, "f32", [1, 40, 6, 11]);
  const before = solve(backend, op, b).data.slice(0, 21 * 11);
  op.diag.data[21] = 1e-40;
  const y = solve(backend, op, b).data;
  expect(y.slice(0, 21 * 11)).toEqual(before);
  expect(Number.isFinite(y[21 * 11]!)).toBe(false);
  // b is so small that b / λ is finite, though 1 / λ is not.
  op.q.data.fill(0);
  b.data.fill(3e-38);
  const divided = solve(backend, op, b).data[21 * 11]!;
  expect(divided).toBe(Math.fround(Math.fround(3e-38) / Math.fround(1e-40)));
});

test.each([
  ["f32", 65, 0],
  ["f32", 65, 1],
  ["f32", 67, 5],
  ["f64", 65, 0],
  ["f64", 65, 3],
  ["f64", 67, 6],
] as const)("%s: what lay in scratch does not show, n = %i, r = %i", async (dtype, n, r) => {
  const results: (readonly number[])[] = [];
  for (const dirt of [0, Number.NaN]) {
    const fresh = await createWasmBackend({ threads: 1 });
    const before = fresh.upload({ data: new Float32Array(200_000).fill(dirt), shape: [1, 1000, 200] });
    const { op, b, state } = problem(fresh, dtype, [1, n, r, 9]);
    const outs = [n, 9, 9].map((columns) => fresh.empty([1, n, columns], dtype));
    before.dispose();
    inverse(fresh, op, { out: outs[0] });
    solve(fresh, op, b, { out: outs[1], initialState: state });
    apply(fresh, op, b, { out: outs[2], initialState: state });
    results.push(outs.flatMap(({ data }) => [...data]));
    await fresh.dispose();
  }
  expect(results[1]).toEqual(results[0]);
});

test("a chunk of one row costs no accuracy where every rounding of a sum goes the same way", async () => {
  const n = 257;
  const constant = (value: number): WasmTensor =>
    backend.upload({ data: new Float32Array(n).fill(value), shape: [1, n, 1] });
  const [diag, q, k, x] = [constant(1), constant(0.1), constant(0.1), constant(0.3)];
  const y = apply(backend, { diag: diag!, q: q!, k: k! }, x!, { chunk: 1 });
  const reference = operatorOf({ batch: 1, n, r: 1, diag: diag!.data, q: q!.data, k: k!.data }, 0);
  const error = omegaApply(reference, matrixOf(y.data, 1, 0), matrixOf(x!.data, 1, 0), 1, {});
  expect(error / EPSILON.f32).toBeLessThanOrEqual(16);
});

test.each([128, 1000, 2 ** 31 - 3, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER])(
  "a chunk of %i rows is a large one, and ends",
  (chunk) => {
    const { op, b, state } = problem(backend, "f32", [1, 100, 3, 5]);
    const most = { chunk: 32, initialState: state };
    const same = (a: WasmTensor, other: WasmTensor) => expect(a.data.slice()).toEqual(other.data.slice());
    same(solve(backend, op, b, { chunk, initialState: state }), solve(backend, op, b, most));
    same(apply(backend, op, b, { chunk, initialState: state }), apply(backend, op, b, most));
    same(inverse(backend, op, { chunk }), inverse(backend, op, { chunk: 4096 }));
  },
);
