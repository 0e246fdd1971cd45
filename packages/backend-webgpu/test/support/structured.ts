import { apply, solve, type SolveOptions } from "@dlrt/core";
import { omega, omegaApply, omegaState, recurrent, type ReferenceOperator } from "@dlrt/core/reference";
import type { GpuTensor, WebGpuBackend } from "../../src/index.js";

/** ε of f32. */
export const EPSILON = 2 ** -24;

/** One batch entry: n rows, rank r, p columns, every element given by a function of its row and column. */
export interface Structure {
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly diag: (row: number) => number;
  readonly q: (row: number, column: number) => number;
  readonly k: (row: number, column: number) => number;
  readonly x: (row: number, column: number) => number;
}

export interface Errors {
  /** Largest error of the output, (21) or (22), in ε. */
  readonly output: number;
  /** Largest error of the final state, (23), in ε. */
  readonly state: number;
}

/** Makes a problem in which all entries of Q are equal, and all of K, so that the roundings of sums may all go one way. */
export function constant(sizes: Pick<Structure, "n" | "r" | "p">, q: number, k = q, x = 0.7): Structure {
  return { ...sizes, diag: () => 1, q: () => q, k: () => k, x: () => x };
}

function fill(rows: number, cols: number, value: (row: number, column: number) => number): Float32Array {
  return Float32Array.from({ length: rows * cols }, (_, at) => value(Math.floor(at / cols), at % cols));
}

type Options = Pick<SolveOptions<GpuTensor>, "chunk" | "trans">;

/** Returns the errors of an apply to x, or of a solve whose right-hand side is T x, rounded. */
export async function errorsOf(
  backend: WebGpuBackend,
  kernel: "apply" | "solve",
  { n, r, p, ...by }: Structure,
  options: Options = {},
): Promise<Errors> {
  const [diag, q, k, x] = [fill(n, 1, by.diag), fill(n, r, by.q), fill(n, r, by.k), fill(n, p, by.x)];
  const op: ReferenceOperator = {
    n,
    r,
    diag: new Float64Array(diag),
    q: new Float64Array(q),
    k: new Float64Array(k),
  };
  const trans = options.trans ?? false;
  const given =
    kernel === "apply" ? x : new Float32Array(recurrent.apply(op, new Float64Array(x), p, { trans }).y);
  const tensors: GpuTensor[] = [];
  const upload = (data: Float32Array, rows: number, cols: number): GpuTensor => {
    tensors.push(backend.upload({ data, shape: [1, rows, cols] }));
    return tensors.at(-1)!;
  };
  const on = { diag: upload(diag, n, 1), q: upload(q, n, r), k: upload(k, n, r) };
  const finalState = upload(new Float32Array(r * p).fill(Number.NaN), r, p);
  const rhs = upload(given, n, p);
  const out =
    kernel === "apply"
      ? apply(backend, on, rhs, { ...options, finalState })
      : solve(backend, on, rhs, { ...options, finalState });
  tensors.push(out);
  const y = new Float64Array(await backend.read(out));
  const z = new Float64Array(await backend.read(finalState));
  tensors.forEach((tensor) => tensor.dispose());
  const of = new Float64Array(given);
  const output = kernel === "apply" ? omegaApply(op, y, of, p, { trans }) : omega(op, y, of, p, { trans });
  const state = omegaState(op, z, kernel === "apply" ? of : y, p, { trans });
  return { output: output / EPSILON, state: state / EPSILON };
}
