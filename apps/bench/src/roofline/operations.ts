import { byteSize, unitRoundoff, type Dtype, type FloatArray } from "@dlrt/core";
import { omegaRowDot } from "@dlrt/core/reference";
import type { WebGpuBackend } from "@dlrt/backend-webgpu";
import {
  diagonalBlocks,
  OMEGA_LIMIT,
  openRun,
  operations,
  transposedSolve,
  type Operation,
  type Problem,
  type Run,
  type Verdict,
} from "../harness/index.js";
import {
  applyWork,
  inverseWork,
  rowDotWork,
  solveWork,
  trilInverseWork,
  type ChunkedSizes,
  type ShaderWork,
} from "./work.js";

/** An operation on one problem, and what each of its shaders has to do in one call. */
export interface GpuOperation {
  readonly name: string;
  readonly sizes: ChunkedSizes;
  /** The bytes of the largest tensor. */
  readonly tensorBytes: number;
  /** Useful flops of a call, whatever the chunk. */
  readonly flops: number;
  readonly work: ShaderWork;
  open(backend: WebGpuBackend): Run;
  /** @param output of the last batch entry: the first one's may be right though offsets are wrong */
  judge(output: FloatArray): Verdict;
}

const DTYPE: Dtype = "f32";

/** The problem, which has no decay here, with each of its arrays changed. */
export function withArrays(problem: Problem, change: (x: FloatArray) => FloatArray): Problem {
  const { diag, q, k, b } = problem;
  return { ...problem, diag: change(diag), q: change(q), k: change(k), b: change(b) };
}

/** Returns the last batch entry alone. */
function lastEntry(problem: Problem): Problem {
  const { batch } = problem;
  return { ...withArrays(problem, (x) => x.subarray(((batch - 1) * x.length) / batch)), batch: 1 };
}

/** Returns the first rows of every batch entry. */
function firstRows(problem: Problem, rows: number): Problem {
  const { batch, n } = problem;
  const cut = (x: FloatArray): FloatArray => {
    const [from, to] = [x.length / batch, (x.length / batch / n) * rows];
    const result = x.slice(0, batch * to);
    for (let e = 1; e < batch; e++) result.set(x.subarray(e * from, e * from + to), e * to);
    return result;
  };
  return { ...withArrays(problem, cut), n: rows };
}

function ofBench(
  operation: Omit<Operation, "name"> & { readonly name: string },
  problem: Problem,
  chunk: number,
  work: ShaderWork,
  tensorBytes: number,
): GpuOperation {
  const { batch, n, r, p } = problem;
  return {
    name: operation.name,
    sizes: { batch, n, r, p, chunk },
    tensorBytes,
    flops: operation.flops(problem),
    work,
    open: (backend) => operation.open(backend, problem, chunk),
    judge: (output) => operation.judge(lastEntry(problem), [output]),
  };
}

/** q_i · k_i. Core calls this kernel for gradients only. */
function rowDot(problem: Problem, chunk: number): GpuOperation {
  const { batch, n, r } = problem;
  return {
    name: "rowDot",
    sizes: { batch, n, r, p: r, chunk },
    tensorBytes: byteSize([batch, n, r], DTYPE),
    flops: 2 * batch * n * r,
    work: rowDotWork({ batch, n, p: r }),
    open: (backend) =>
      openRun(backend, (tensors) => {
        const x = tensors.upload(problem.q, [batch, n, r]);
        const y = tensors.upload(problem.k, [batch, n, r]);
        const out = tensors.poisoned([batch, n, 1], DTYPE);
        return {
          enqueue: () => backend.kernels.rowDot({ batch, n, p: r, alpha: 1, x, y, out }),
          outputs: () => [out],
        };
      }),
    judge: (output) => {
      const { q, k } = lastEntry(problem);
      return { value: omegaRowDot(q, k, output, r, 1) / unitRoundoff[DTYPE], limit: OMEGA_LIMIT };
    },
  };
}

/** What the backend can do, on one problem; `inverse` on its first `inverseRows` rows. */
export function gpuOperations(problem: Problem, chunk: number, inverseRows: number): GpuOperation[] {
  const { batch, n, r, p } = problem;
  const sizes = { batch, n, r, p, chunk };
  const { solve, apply, inverse, trilInverse } = operations;
  const side = byteSize([batch, n, Math.max(r, p)], DTYPE);
  const square = byteSize([batch, inverseRows, inverseRows], DTYPE);
  const inverted = inverseWork({ batch, n: inverseRows, r, chunk });
  const { count, c } = diagonalBlocks(problem);
  const blocks = byteSize([count, c, c], DTYPE);
  return [
    ofBench(solve, problem, chunk, solveWork(sizes), side),
    ofBench({ ...transposedSolve, name: "solve, transposed" }, problem, chunk, solveWork(sizes), side),
    ofBench(apply, problem, chunk, applyWork(sizes), side),
    ofBench(inverse, firstRows(problem, inverseRows), chunk, inverted, square),
    ofBench(trilInverse, problem, c, trilInverseWork(count, c), blocks),
    rowDot(problem, chunk),
  ];
}
