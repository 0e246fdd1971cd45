import type { FloatArray } from "@dlrt/core";
import { LuDecomposition, Matrix } from "ml-matrix";
import type { Contender, Problem } from "../harness/index.js";
import { libraryPeer } from "./library.js";

/** Chunks of 8 and 16 rows are the fastest of 4, 8, 16, 24, 32, 64 and 128, at n = 4096 and d = 64. */
const CHUNK = 16;

interface Entry {
  readonly diag: FloatArray;
  readonly q: Matrix;
  readonly k: Matrix;
  readonly b: Matrix;
}

function entryOf({ batch, n, r, p, diag, q, k, b }: Problem, index: number): Entry {
  const part = (data: FloatArray): FloatArray =>
    data.subarray((index * data.length) / batch, ((index + 1) * data.length) / batch);
  const matrix = (data: FloatArray, width: number): Matrix => Matrix.from1DArray(n, width, part(data));
  return { diag: part(diag), q: matrix(q, r), k: matrix(k, r), b: matrix(b, p) };
}

/** T_cc, with its zeros above the diagonal. */
function diagonalBlock(q: Matrix, k: Matrix, diag: FloatArray, from: number): Matrix {
  const block = q.mmul(k.transpose());
  for (let i = 0; i < block.rows; i++) {
    block.set(i, i, diag[from + i]!);
    for (let j = i + 1; j < block.columns; j++) block.set(i, j, 0);
  }
  return block;
}

/** The chunk algorithm in the library's own products and solver: Y_c = T_cc⁻¹ (B_c − Q_c Z), Z += K_cᵀ Y_c. */
function solve({ diag, q, k, b }: Entry): Matrix {
  const [n, r, p] = [q.rows, q.columns, b.columns];
  const y = new Matrix(n, p);
  const z = Matrix.zeros(r, p);
  for (let from = 0; from < n; from += CHUNK) {
    const last = Math.min(from + CHUNK, n) - 1;
    const qc = q.subMatrix(from, last, 0, r - 1);
    const kc = k.subMatrix(from, last, 0, r - 1);
    const bc = b.subMatrix(from, last, 0, p - 1);
    const yc = new LuDecomposition(diagonalBlock(qc, kc, diag, from)).solve(bc.sub(qc.mmul(z)));
    z.add(kc.transpose().mmul(yc));
    y.setSubMatrix(yc, from, 0);
  }
  return y;
}

export const mlMatrix: Contender = libraryPeer(
  { name: "ml-matrix", build: `6.15.1, the same chunk algorithm, chunk ${CHUNK}, float64` },
  entryOf,
  solve,
  (y) => y.to1DArray(),
);
