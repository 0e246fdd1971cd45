import { UnsupportedError, solve, trilInverse, apply, type DiagLowRankTril } from "@dlrt/core";
import type { WebGpuBackend } from "./backend.js";
import type { GpuTensor } from "./tensor.js";

const N = 80; // two chunks, the second one cut off
const R = 3;
const P = 2;

interface Problem {
  readonly diag: Float32Array;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly b: Float32Array;
}

/**
 * A problem of the exact class (section 8 of core's reference README): Q, K ∈ {−1, 0, 1} and sparse, λ = ±1, B of
 * integers, and every sum stays below 2²⁴ in whatever order it is formed. So nothing is ever rounded, and the answer is
 * the same to the last bit on every device that computes correctly.
 */
export function exactProblem(): Problem {
  let seed = 12345;
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const sparse = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => [1, -1][next(12)] ?? 0);
  return {
    q: sparse(N * R),
    k: sparse(N * R),
    diag: Float32Array.from({ length: N }, () => 1 - 2 * next(2)),
    b: Float32Array.from({ length: N * P }, () => next(9) - 4),
  };
}

/** T x = b by rows, in float64. */
export function exactSolution({ diag, q, k, b }: Problem): Float32Array {
  const state = new Float64Array(R * P);
  const y = new Float32Array(N * P);
  for (let i = 0; i < N; i++) {
    for (let c = 0; c < P; c++) {
      let sum = b[i * P + c]!;
      for (let m = 0; m < R; m++) sum -= q[i * R + m]! * state[m * P + c]!;
      y[i * P + c] = sum / diag[i]!;
    }
    for (let m = 0; m < R; m++) {
      for (let c = 0; c < P; c++) state[m * P + c]! += k[i * R + m]! * y[i * P + c]!;
    }
  }
  return y;
}

/** @throws UnsupportedError where the device gives a wrong answer: solve, apply and trilInverse on the exact class */
export async function selfTest(backend: WebGpuBackend): Promise<void> {
  const problem = exactProblem();
  const expected = exactSolution(problem);
  const tensors: GpuTensor[] = [];
  const upload = (data: Float32Array, rows: number, cols: number): GpuTensor => {
    const tensor = backend.upload({ data, shape: [1, rows, cols] });
    tensors.push(tensor);
    return tensor;
  };
  try {
    const op: DiagLowRankTril<GpuTensor> = {
      diag: upload(problem.diag, N, 1),
      q: upload(problem.q, N, R),
      k: upload(problem.k, N, R),
    };
    const sizes = { batch: 1, n: N, r: R, p: P };
    await Promise.all([
      backend.prepare({ kernel: "solve", ...sizes }),
      backend.prepare({ kernel: "apply", ...sizes }),
    ]);
    const y = solve(backend, op, upload(problem.b, N, P));
    const again = apply(backend, op, y);
    const two = trilInverse(backend, upload(Float32Array.of(2, 7, 3, 0.5), 2, 2));
    tensors.push(y, again, two);
    demand("solve", await backend.read(y), expected);
    demand("apply", await backend.read(again), problem.b);
    demand("trilInverse", await backend.read(two), Float32Array.of(0.5, 0, -3, 2));
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}

function demand(what: string, got: Float32Array, expected: Float32Array): void {
  const bad = expected.findIndex((value, i) => !(got[i] === value));
  if (bad < 0) return;
  const received = `${got[bad]} at element ${bad} where ${expected[bad]} is exact`;
  throw new UnsupportedError("device", `one that passes the self-test of ${what}`, received);
}
