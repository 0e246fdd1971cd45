/**
 * Problems of the exact class are exact for every algorithm in use: each algorithm is run here on them with every
 * operation rounded to f32.
 */
import { dense, operatorOf, recurrent, type ReferenceOperator } from "@dlrt/core/reference";
import { expect, test } from "vitest";
import { bitsNeeded, EXACT_BITS, makeExact } from "../src/exact.js";

type Matrix = { rows: number; cols: number; at: Float32Array };

const matrix = (rows: number, cols: number, from: ArrayLike<number> = []): Matrix => {
  const at = new Float32Array(rows * cols);
  at.set(from);
  return { rows, cols, at };
};

/** Returns C + s A B, with every product and every sum rounded to f32. Sums are taken from their last term on if `reverse` is set. */
function fma(c: Matrix, s: number, a: Matrix, b: Matrix, reverse = false): Matrix {
  const out = matrix(c.rows, c.cols, c.at);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.cols; j++) {
      for (let step = 0; step < a.cols; step++) {
        const m = reverse ? a.cols - 1 - step : step;
        const product = Math.fround(s * a.at[i * a.cols + m]! * b.at[m * b.cols + j]!);
        out.at[i * b.cols + j] = Math.fround(out.at[i * b.cols + j]! + product);
      }
    }
  }
  return out;
}

const zero = (rows: number, cols: number): Matrix => matrix(rows, cols);
const times = (a: Matrix, b: Matrix, s = 1): Matrix => fma(zero(a.rows, b.cols), s, a, b);
const transposed = (a: Matrix): Matrix =>
  matrix(
    a.cols,
    a.rows,
    Array.from(a.at, (_, at) => a.at[(at % a.rows) * a.cols + Math.floor(at / a.rows)]!),
  );
const slice = (a: Matrix, start: number, end: number): Matrix =>
  matrix(end - start, a.cols, a.at.subarray(start * a.cols, end * a.cols));
function block(a: Matrix, [r0, r1]: number[], [c0, c1]: number[]): Matrix {
  const rows = Array.from({ length: r1! - r0! }, (_, i) =>
    a.at.subarray((r0! + i) * a.cols + c0!, (r0! + i) * a.cols + c1!),
  );
  return matrix(
    r1! - r0!,
    c1! - c0!,
    rows.flatMap((row) => [...row]),
  );
}

/** Inverts a triangular matrix by X₂₁ = −X₂₂ A₂₁ X₁₁, halving it down to single numbers, in f32. */
function mergedInverse(a: Matrix): Matrix {
  const n = a.rows;
  if (n === 0) return a;
  if (n === 1) return matrix(1, 1, [Math.fround(1 / a.at[0]!)]);
  const h = n >> 1;
  const x11 = mergedInverse(block(a, [0, h], [0, h]));
  const x22 = mergedInverse(block(a, [h, n], [h, n]));
  const x21 = times(x22, times(block(a, [h, n], [0, h]), x11), -1);
  const x = matrix(n, n);
  for (let i = 0; i < h; i++) x.at.set(slice(x11, i, i + 1).at, i * n);
  for (let i = h; i < n; i++) {
    x.at.set(slice(x21, i - h, i - h + 1).at, i * n);
    x.at.set(slice(x22, i - h, i - h + 1).at, i * n + h);
  }
  return x;
}

/**
 * Solves by Y = U − W Z from merged inverses of c rows each, and the states by products of the chunks' maps A = I −
 * KᵀW, B = KᵀU, all in f32.
 */
function chunkMaps(
  op: ReferenceOperator,
  b: Matrix,
  z0: Matrix,
  c: number,
  reverse: boolean,
): { y: Matrix; z: Matrix } {
  const { n, r } = op;
  const q = matrix(n, r, op.q);
  const k = matrix(n, r, op.k);
  const t = matrix(n, n, dense.materialize(op));
  const y = matrix(n, b.cols);
  // This is the composed map Z ← A Z₀ + B of all chunks so far.
  let [mapA, mapB] = [
    matrix(
      r,
      r,
      Array.from({ length: r * r }, (_, at) => (at % (r + 1) === 0 ? 1 : 0)),
    ),
    zero(r, b.cols),
  ];
  for (let start = 0; start < n; start += c) {
    const end = Math.min(start + c, n);
    const x = mergedInverse(block(t, [start, end], [start, end]));
    const u = times(x, slice(b, start, end));
    const w = times(x, slice(q, start, end));
    const z = fma(mapB, 1, mapA, z0, reverse);
    y.at.set(fma(u, -1, w, z, reverse).at, start * b.cols);
    const kT = transposed(slice(k, start, end));
    const eye = matrix(
      r,
      r,
      Array.from({ length: r * r }, (_, at) => (at % (r + 1) === 0 ? 1 : 0)),
    );
    const a = fma(eye, -1, kT, w, reverse);
    mapB = fma(fma(zero(r, b.cols), 1, kT, u, reverse), 1, a, mapB);
    mapA = times(a, mapA);
  }
  return { y, z: fma(mapB, 1, mapA, z0) };
}

const numbers = (a: ArrayLike<number>): number[] => Array.from(a, (v) => v + 0); // −0 is 0

test.each([
  [1, 1, 3],
  [17, 2, 16],
  [64, 5, 64],
  [129, 8, 32],
  [130, 8, 128],
  [300, 3, 128],
  [300, 16, 64],
])(
  "n %i, r %i, chunks of %i: merged inverses, U, W and chunk maps give the float64 answer bit by bit",
  (n, r, c) => {
    for (let seed = 0; seed < 6; seed++) {
      const problem = makeExact({ batch: 1, n, r, p: 2 }, "f32", seed);
      const op = operatorOf({ ...problem.sizes, ...problem }, 0);
      const want = recurrent.solve(op, Float64Array.from(problem.rhs), 2, {
        initialState: Float64Array.from(problem.state),
      });
      const [b, z0] = [matrix(n, 2, problem.rhs), matrix(r, 2, problem.state)];
      for (const reverse of [false, true]) {
        const { y, z } = chunkMaps(op, b, z0, c, reverse);
        expect(numbers(y.at)).toEqual(numbers(want.y));
        expect(numbers(z.at)).toEqual(numbers(want.finalState));
      }
      if (n > 130) continue;
      const merged = mergedInverse(matrix(n, n, dense.materialize(op)));
      expect(numbers(merged.at)).toEqual(numbers(dense.inverse(op)));
    }
  },
);

test("no row is idle: the class couples every part of a long sequence", () => {
  for (const n of [65, 300, 1000]) {
    const { q, k } = makeExact({ batch: 1, n, r: 24, p: 1 }, "f32", 5);
    for (const factor of [q, k]) {
      const rows = Array.from({ length: n }, (_, i) =>
        factor.subarray(i * 24, i * 24 + 24).some((x) => x !== 0),
      );
      for (let start = 0; start + 64 <= n; start += 64) {
        expect(rows.slice(start, start + 64).filter(Boolean).length).toBeGreaterThan(12);
      }
    }
  }
});

test("what does not fit 24 bits is recognised", () => {
  const n = 64;
  const all = (value: number, length: number): Float32Array => new Float32Array(length).fill(value);
  const doubling = {
    ...makeExact({ batch: 1, n, r: 1, p: 1 }, "f32", 1),
    ...{ diag: all(1, n), q: all(-1, n), k: all(1, n) },
  };
  expect(bitsNeeded(doubling, false)).toBeGreaterThan(EXACT_BITS);
  const halving = { ...doubling, diag: all(2, n) };
  expect(bitsNeeded(halving, false)).toBeGreaterThan(EXACT_BITS);
  expect(bitsNeeded({ ...doubling, q: all(0, n) }, false)).toBeLessThan(EXACT_BITS);
});

test("exact for the transpose where asked", () => {
  for (let seed = 0; seed < 20; seed++) {
    const problem = makeExact({ batch: 2, n: 200, r: 6, p: 1 }, "f32", seed, true);
    expect(bitsNeeded(problem, true)).toBeLessThan(EXACT_BITS);
  }
});
