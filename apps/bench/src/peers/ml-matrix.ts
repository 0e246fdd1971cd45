import { newFloatArray, type FloatArray } from "@dlrt/core";
import { LuDecomposition, Matrix } from "ml-matrix";
import { jsPeer, type Contender, type Problem } from "../harness/index.js";
import { noDecay } from "./no-decay.js";

/** With 8 the fastest of 4, 8, 16, 24, 32, 64 and 128 at n = 4096, d = 64. */
const CHUNK = 16;

interface Entry {
  readonly diag: FloatArray;
  readonly q: Matrix;
  readonly k: Matrix;
  readonly b: Matrix;
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
export function mlMatrixSolve({ diag, q, k, b }: Entry, chunk: number = CHUNK): Matrix {
  const [n, r, p] = [q.rows, q.columns, b.columns];
  const y = new Matrix(n, p);
  const z = Matrix.zeros(r, p);
  for (let from = 0; from < n; from += chunk) {
    const last = Math.min(from + chunk, n) - 1;
    const qc = q.subMatrix(from, last, 0, r - 1);
    const kc = k.subMatrix(from, last, 0, r - 1);
    const bc = b.subMatrix(from, last, 0, p - 1);
    const yc = new LuDecomposition(diagonalBlock(qc, kc, diag, from)).solve(bc.sub(qc.mmul(z)));
    z.add(kc.transpose().mmul(yc));
    y.setSubMatrix(yc, from, 0);
  }
  return y;
}

/** One matrix per batch entry; ml-matrix computes in float64. */
function entries({ batch, n, r, p, diag, q, k, b }: Problem): Entry[] {
  const matrix = (data: FloatArray, entry: number, width: number): Matrix =>
    Matrix.from1DArray(n, width, data.subarray(entry * n * width, (entry + 1) * n * width));
  return Array.from({ length: batch }, (_, e) => ({
    diag: diag.subarray(e * n, (e + 1) * n),
    q: matrix(q, e, r),
    k: matrix(k, e, r),
    b: matrix(b, e, p),
  }));
}

export const mlMatrix: Contender = jsPeer({
  name: "ml-matrix",
  slow: true,
  build: `6.15.1, the same chunk algorithm, chunk ${CHUNK}, float64`,
  refuses: ({ name }, problem) => (name === "solve" ? noDecay(problem) : "solves only"),
  open(_, problem) {
    const input = entries(problem);
    let output: Matrix[] = [];
    return {
      call: () => {
        output = input.map((entry) => mlMatrixSolve(entry));
      },
      read: async () => {
        const y = newFloatArray(problem.dtype, problem.b.length);
        output.forEach((m, e) => y.set(m.to1DArray(), e * problem.n * problem.p));
        return [y];
      },
    };
  },
});
