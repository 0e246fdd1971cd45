import type { Kernels } from "@dlrt/core/backend";
import type { GpuTensor } from "./tensor.js";

export const N = 80; // two chunks or three, the last one cut off
const R = 8;
export const P = 8;

/** Arrays of one batch entry, in the order of the tensors that `run` takes. */
interface Problem {
  readonly inputs: readonly Float32Array[];
  readonly expected: Float32Array;
}

/** A kernel on a problem of the exact class. */
export interface Exact {
  readonly name: "solve" | "deltaRule";
  /** Of the inputs. */
  readonly columns: readonly number[];
  readonly problem: () => Problem;
  /** Enqueues it on tensors [batch, N, columns]. */
  readonly run: (kernels: Kernels<GpuTensor>, inputs: readonly GpuTensor[], out: GpuTensor) => void;
}

/**
 * Integers, the same every time. A row of `key` has one element ±1 and `beta` is 1 or 2, or it has two and `beta` is 1: so
 * I − β k kᵀ is a projection or a reflection, nothing grows, and yet no row is without effect.
 */
function integers(): Record<"key" | "beta" | "signs" | "query" | "value", Float32Array> {
  let seed = 12345;
  const below = (end: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * end);
  };
  const fill = (columns: number, next: () => number): Float32Array =>
    Float32Array.from({ length: N * columns }, next);
  const sign = (): number => 1 - 2 * below(2);
  const key = new Float32Array(N * R);
  const beta = fill(1, () => 1 + below(2));
  for (let row = 0; row < N; row++) {
    const first = below(R);
    key[row * R + first] = sign();
    if (beta[row] === 1) key[row * R + ((first + below(R)) % R)] = sign(); // the same one, now and then
  }
  return {
    ...{ key, beta, signs: fill(1, sign) },
    ...{ query: fill(R, () => below(3) - 1), value: fill(P, () => below(9) - 4) },
  };
}

/** Every row times its factor. */
const times = (x: Float32Array, factors: Float32Array): Float32Array =>
  x.map((each, at) => each * factors[Math.floor((at * N) / x.length)]!);

/** y = (b − Zᵀ f) / λ, Z ← Z + k yᵀ, and what `query` reads of Z then, row after row in float64. */
function recurrence(of: {
  readonly diag: Float32Array;
  readonly f: Float32Array;
  readonly k: Float32Array;
  readonly b: Float32Array;
  readonly query: Float32Array;
}): { readonly y: Float32Array; readonly read: Float32Array } {
  const state = new Float64Array(R * P);
  const y = new Float32Array(N * P);
  const read = new Float32Array(N * P);
  const sum = (row: Float32Array, i: number, c: number): number => {
    let total = 0;
    for (let m = 0; m < R; m++) total += row[i * R + m]! * state[m * P + c]!;
    return total;
  };
  for (let at = 0; at < N * P; at++) {
    const [i, c] = [Math.floor(at / P), at % P];
    y[at] = (of.b[at]! - sum(of.f, i, c)) / of.diag[i]!;
    for (let m = 0; m < R; m++) state[m * P + c]! += of.k[i * R + m]! * y[at]!;
    read[at] = sum(of.query, i, c);
  }
  return { y, read };
}

/**
 * Problems of the exact class (section 8 of core's reference README): integers, λ = ±1, and every sum stays below 2²⁴ in whatever order it
 * is formed. So nothing is ever rounded, and the answer is the same to the last bit on every device that computes correctly.
 */
export const EXACT: readonly Exact[] = [
  {
    name: "deltaRule",
    columns: [R, R, P, 1],
    problem() {
      const { query, key, value, beta } = integers();
      const diag = new Float32Array(N).fill(1);
      const { read } = recurrence({ diag, f: times(key, beta), k: key, b: times(value, beta), query });
      return { inputs: [query, key, value, beta], expected: read };
    },
    run(kernels, [query, key, value, erase], out) {
      const sizes = { batch: out.shape[0], n: N, r: R, p: P };
      const rows = { query: query!, key: key!, value: value!, erase: erase! };
      kernels.deltaRule?.({ ...sizes, ...rows, scale: 1, out });
    },
  },
  {
    name: "solve",
    columns: [1, R, R, P],
    problem() {
      const { query, key, value, beta, signs: diag } = integers();
      const q = times(times(key, beta), diag);
      const { y } = recurrence({ diag, f: q, k: key, b: value, query });
      return { inputs: [diag, q, key, value], expected: y };
    },
    run(kernels, [diag, q, k, b], out) {
      const sizes = { batch: out.shape[0], n: N, r: R, p: P };
      kernels.solve({ ...sizes, op: { diag: diag!, q: q!, k: k! }, b: b!, alpha: 1, trans: false, out });
    },
  },
];
