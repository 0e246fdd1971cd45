import { newFloatArray } from "@dlrt/core";
import dgemm from "@stdlib/blas-base-dgemm";
import dtrsv from "@stdlib/blas-base-dtrsv";
import { jsPeer, type Contender, type Problem } from "../harness/index.js";
import { noDecay } from "./no-decay.js";

const CHUNK = 16;

/** One batch entry, float64, row-major. */
interface Entry {
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly diag: Float64Array;
  readonly q: Float64Array;
  readonly k: Float64Array;
  readonly b: Float64Array;
}

/**
 * The chunk algorithm in the library's own products and triangular solver: T_cc by dgemm, B_c − Q_c Z by dgemm,
 * T_cc Y_c = · by dtrsv, a column at a time, Z += K_cᵀ Y_c by dgemm.
 */
export function stdlibSolve({ n, r, p, diag, q, k, b }: Entry, chunk: number = CHUNK): Float64Array {
  const y = b.slice();
  const z = new Float64Array(r * p);
  const t = new Float64Array(chunk * chunk);
  for (let from = 0; from < n; from += chunk) {
    const m = Math.min(chunk, n - from);
    const row = from * r;
    const at = from * p;
    const [N, T] = ["no-transpose", "transpose"] as const;
    dgemm.ndarray(N, T, m, m, r, 1, q, r, 1, row, k, r, 1, row, 0, t, chunk, 1, 0);
    for (let i = 0; i < m; i++) t[i * chunk + i] = diag[from + i]!;
    dgemm.ndarray(N, N, m, p, r, -1, q, r, 1, row, z, p, 1, 0, 1, y, p, 1, at);
    for (let j = 0; j < p; j++) dtrsv.ndarray("lower", N, "non-unit", m, t, chunk, 1, 0, y, p, at + j);
    dgemm.ndarray(T, N, r, p, m, 1, k, r, 1, row, y, p, 1, at, 1, z, p, 1, 0);
  }
  return y;
}

function entries({ batch, n, r, p, diag, q, k, b }: Problem): Entry[] {
  const part = (data: ArrayLike<number>, e: number): Float64Array => {
    const size = data.length / batch;
    return Float64Array.from({ length: size }, (_, i) => data[e * size + i]!);
  };
  return Array.from({ length: batch }, (_, e) => ({
    ...{ n, r, p },
    ...{ diag: part(diag, e), q: part(q, e), k: part(k, e), b: part(b, e) },
  }));
}

export const stdlib: Contender = jsPeer({
  name: "@stdlib",
  slow: true,
  build: `blas-base-dgemm, -dtrsv 0.1.1, the same chunk algorithm, chunk ${CHUNK}, float64`,
  refuses: ({ name }, problem) => (name === "solve" ? noDecay(problem) : "solves only"),
  open(_, problem) {
    const input = entries(problem);
    let output: Float64Array[] = [];
    return {
      call: () => {
        output = input.map((entry) => stdlibSolve(entry));
      },
      read: async () => {
        const y = newFloatArray(problem.dtype, problem.b.length);
        output.forEach((data, e) => y.set(data, e * problem.n * problem.p));
        return [y];
      },
    };
  },
});
