import { solve, unitRoundoff, type FloatArray, type HostTensor } from "@dlrt/core";
import { expect, test } from "vitest";
import { createJsBackend } from "../src/index.js";
import { randomFrom } from "../../../tooling/random.mjs";

const [n, piece, r, p] = [process.env.DLRT_LONG ? 1_000_000 : 65_536, 8192, 64, 64];

// Columns do not depend on each other, so by default all rows of every ninth column are judged: these eight stand at
// every place of a kernel's tile of eight columns. The long run judges all columns.
const judged = Array.from({ length: p }, (_, j) => j).filter((j) => process.env.DLRT_LONG || j % 9 === 0);

type Kind = "none" | "row" | "channel";

const gapsPerRow: Record<Kind, number> = { none: 0, row: 1, channel: r };

interface Piece {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly b: Float32Array;
  readonly gaps: Float32Array;
}

/** Draws a gap g: mostly one that forgets slowly, now and then one that forgets at once, and rarely a reset, −∞. */
function gap(uniform: () => number): number {
  const at = uniform();
  return at > 0.9995 ? -Infinity : at > 0.98 ? -10 : -0.002 * (1 + uniform());
}

/** Makes the rows of a DeltaNet, piece by piece, from a seeded generator: unit keys, β ∈ [0, 2], Q = βK, Λ = I, with or without gates. */
function problem(seed: number, kind: Kind): (rows: number) => Piece {
  const uniform = randomFrom(seed);
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
    const gaps = new Float32Array(rows * gapsPerRow[kind]).map(() => gap(uniform));
    return { q, k, b, gaps };
  };
}

/**
 * Measures ω of a streamed solution row by row in float64. It carries a state of its own, and beside it the sums of
 * absolute values that the residual is divided by: Σ E|k||y|, Σ E|G||k||y| and Σ |k||y| (reference README, section 8).
 */
class StreamedOmega {
  worst = 0;
  readonly #z = new Float64Array(r * judged.length);
  readonly #decayed = new Float64Array(r * judged.length);
  readonly #moved = new Float64Array(r * judged.length);
  readonly #plain = new Float64Array(r * judged.length);

  constructor(readonly kind: Kind) {}

  add({ q, k, b, gaps }: Piece, y: FloatArray, rows: number): void {
    const [z, decayed, width] = [this.#z, this.#decayed, judged.length];
    const [moved, plain, channels] = [this.#moved, this.#plain, gapsPerRow[this.kind]];
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
        const g = channels === 0 ? 0 : gaps[i * channels + (m % channels)]!;
        const shrink = Math.expm1(g);
        for (let j = 0; j < width; j++) {
          if (g !== 0) {
            z[at + j]! += shrink * z[at + j]!;
            const more = g === -Infinity ? 0 : -g * decayed[at + j]!;
            moved[at + j] = (1 + shrink) * (moved[at + j]! + more);
            decayed[at + j]! += shrink * decayed[at + j]!;
          }
          const beside = decayed[at + j]! + (channels === 0 ? 0 : moved[at + j]! + 2 ** -64 * plain[at + j]!);
          residual[j]! -= qm * z[at + j]!;
          bound[j]! += Math.abs(qm) * beside;
          z[at + j]! += km * values[j]!;
          decayed[at + j]! += Math.abs(km * values[j]!);
          plain[at + j]! += Math.abs(km * values[j]!);
        }
      }
      for (let j = 0; j < width; j++) this.worst = Math.max(this.worst, Math.abs(residual[j]!) / bound[j]!);
    }
  }
}

const title = `${n} rows stream through the state in bounded memory, ω ≤ 16 ε, decay`;

test.each(["none", "row", "channel"] as const)(`${title} %s`, { timeout: 1_800_000 }, (kind) => {
  const backend = createJsBackend();
  const next = problem(1, kind);
  const omega = new StreamedOmega(kind);
  const ones = new Float32Array(1).fill(1);
  const z = backend.upload({ data: new Float32Array(r * p), shape: [1, r, p] });
  const idle = backend.memory();
  let most = 0;
  for (let row = 0; row < n; row += piece) {
    const rows = Math.min(piece, n - row);
    const data = next(rows);
    const wrap = (array: Float32Array, cols: number): HostTensor => backend.wrap(array, [1, rows, cols]);
    const diag = backend.wrap(ones, [1, rows, 1], {
      offset: 0,
      heads: 1,
      shared: 1,
      batch: 0,
      head: 0,
      row: 0,
    });
    const decay = kind === "none" ? undefined : wrap(data.gaps, gapsPerRow[kind]);
    const op = { diag, q: wrap(data.q, r), k: wrap(data.k, r), decay };
    const [b, y] = [wrap(data.b, p), backend.empty([1, rows, p])];
    solve(backend, op, b, { out: y, initialState: z, finalState: z });
    omega.add(data, y.data, rows);
    most = Math.max(most, backend.memory().bytes);
    for (const t of [op.diag, op.q, op.k, decay, b, y]) t?.dispose();
    expect(backend.memory()).toEqual(idle);
  }
  expect(most).toBe(4 * (piece * p + r * p));
  expect(omega.worst / unitRoundoff.f32).toBeLessThanOrEqual(16);
  expect(omega.worst).toBeGreaterThan(0);
});
