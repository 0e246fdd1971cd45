import { solve, unitRoundoff, type FloatArray, type HostTensor } from "@dlrt/core";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { expect, test } from "vitest";
import { createJsBackend } from "../src/index.js";

const [n, piece, r, p] = [process.env.DLRT_LONG ? 1_000_000 : 131_072, 8192, 64, 64];

// Columns are independent of each other. All rows of every ninth are judged: 8, of all places in a tile; in the long run all.
const judged = Array.from({ length: p }, (_, j) => j).filter((j) => process.env.DLRT_LONG || j % 9 === 0);

/** DeltaNet rows from a seeded generator: unit keys, β ∈ [0, 2], Q = βK, Λ = I. */
function problem(seed: number): (rows: number) => { q: Float32Array; k: Float32Array; b: Float32Array } {
  const generator = xoroshiro128plus(seed);
  const uniform = (): number => generator.next() / 2 ** 31;
  return (rows) => {
    const k = new Float32Array(rows * r).map(uniform);
    const q = new Float32Array(rows * r);
    const b = new Float32Array(rows * p).map(uniform);
    for (let i = 0; i < rows; i++) {
      const key = k.subarray(i * r, (i + 1) * r);
      const norm = Math.hypot(...key);
      const beta = 1 + uniform();
      for (let m = 0; m < r; m++) {
        key[m]! /= norm;
        q[i * r + m] = beta * key[m]!;
      }
    }
    return { q, k, b };
  };
}

/** ω of a streamed solution, row by row in float64, carrying its own exact state Kᵀy and its absolute |K|ᵀ|y|. */
class StreamedOmega {
  worst = 0;
  readonly #z = new Float64Array(r * judged.length);
  readonly #zAbs = new Float64Array(r * judged.length);

  add(q: FloatArray, k: FloatArray, b: FloatArray, y: FloatArray, rows: number): void {
    const [z, zAbs, width] = [this.#z, this.#zAbs, judged.length];
    const values = new Float64Array(width);
    const residual = new Float64Array(width);
    const bound = new Float64Array(width);
    for (let i = 0; i < rows; i++) {
      judged.forEach((column, j) => {
        const [bj, yj] = [b[i * p + column]!, y[i * p + column]!];
        values[j] = yj;
        residual[j] = bj - yj;
        bound[j] = Math.abs(bj) + Math.abs(yj);
      });
      for (let m = 0; m < r; m++) {
        const [qm, km, at] = [q[i * r + m]!, k[i * r + m]!, m * width];
        for (let j = 0; j < width; j++) {
          residual[j]! -= qm * z[at + j]!;
          bound[j]! += Math.abs(qm) * zAbs[at + j]!;
          z[at + j]! += km * values[j]!;
          zAbs[at + j]! += Math.abs(km * values[j]!);
        }
      }
      for (let j = 0; j < width; j++) this.worst = Math.max(this.worst, Math.abs(residual[j]!) / bound[j]!);
    }
  }
}

test(`${n} rows stream through the state in bounded memory, ω ≤ 16 ε`, { timeout: 900_000 }, () => {
  const backend = createJsBackend();
  const next = problem(1);
  const omega = new StreamedOmega();
  const ones = new Float32Array(1).fill(1);
  const z = backend.upload({ data: new Float32Array(r * p), shape: [1, r, p] });
  const idle = backend.memory();
  let most = 0;
  for (let row = 0; row < n; row += piece) {
    const rows = Math.min(piece, n - row);
    const { q, k, b } = next(rows);
    const put = (data: Float32Array, cols: number): HostTensor =>
      backend.upload({ data, shape: [1, rows, cols] });
    const diag = backend.upload({ data: ones, shape: [1, rows, 1], strides: [0, 0, 0] });
    const op = { diag, q: put(q, r), k: put(k, r) };
    const y = put(b, p);
    solve(backend, op, y, { out: y, initialState: z, finalState: z });
    omega.add(q, k, b, y.data, rows);
    most = Math.max(most, backend.memory().bytes);
    for (const t of [op.diag, op.q, op.k, y]) t.dispose();
    expect(backend.memory()).toEqual(idle);
  }
  expect(most).toBe(4 * (piece * (2 * r + p + 1) + r * p));
  expect(omega.worst / unitRoundoff.f32).toBeLessThanOrEqual(16);
  expect(omega.worst).toBeGreaterThan(0);
});
