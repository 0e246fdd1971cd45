import { matrixOf, operatorOf, type ReferenceOperator } from "@dlrt/core/reference";
import dgemm from "@stdlib/blas-base-dgemm";
import dtrsv from "@stdlib/blas-base-dtrsv";
import type { Contender, Problem } from "../harness/index.js";
import { libraryPeer } from "./library.js";

const CHUNK = 16;

/** One batch entry, float64, row-major. */
interface Entry extends ReferenceOperator {
  readonly diag: Float64Array;
  readonly p: number;
  readonly b: Float64Array;
}

const entryOf = (problem: Problem, index: number): Entry => {
  const { batch, p, b, diag } = problem;
  return {
    ...operatorOf(problem, index),
    diag: matrixOf(diag, batch, index),
    p,
    b: matrixOf(b, batch, index),
  };
};

/**
 * The chunk algorithm in the library's own products and triangular solver: T_cc by dgemm, B_c − Q_c Z by dgemm,
 * T_cc Y_c = · by dtrsv, a column at a time, Z += K_cᵀ Y_c by dgemm.
 */
function solve({ n, r, p, diag, q, k, b }: Entry): Float64Array {
  const y = b.slice();
  const z = new Float64Array(r * p);
  const t = new Float64Array(CHUNK * CHUNK);
  for (let from = 0; from < n; from += CHUNK) {
    const m = Math.min(CHUNK, n - from);
    const row = from * r;
    const at = from * p;
    const [N, T] = ["no-transpose", "transpose"] as const;
    dgemm.ndarray(N, T, m, m, r, 1, q, r, 1, row, k, r, 1, row, 0, t, CHUNK, 1, 0);
    for (let i = 0; i < m; i++) t[i * CHUNK + i] = diag[from + i]!;
    dgemm.ndarray(N, N, m, p, r, -1, q, r, 1, row, z, p, 1, 0, 1, y, p, 1, at);
    for (let j = 0; j < p; j++) dtrsv.ndarray("lower", N, "non-unit", m, t, CHUNK, 1, 0, y, p, at + j);
    dgemm.ndarray(T, N, r, p, m, 1, k, r, 1, row, y, p, 1, at, 1, z, p, 1, 0);
  }
  return y;
}

export const stdlib: Contender = libraryPeer(
  {
    name: "@stdlib",
    build: `blas-base-dgemm, -dtrsv 0.1.1, the same chunk algorithm, chunk ${CHUNK}, float64`,
  },
  entryOf,
  solve,
  (y) => y,
);
