import { byteSize, solve, unitRoundoff, type Dtype, type FloatArray } from "@dlrt/core";
import type { WebGpuBackend } from "@dlrt/backend-webgpu";
import { OMEGA_LIMIT, solveOmega, type Verdict } from "../harness/accuracy/residual.js";
import { operations } from "../harness/operations/index.js";
import type { Operation, OperationName, Run } from "../harness/operations/operation.js";
import { reversed, transposed } from "../harness/operations/solve-vjp.js";
import { openRun } from "../harness/operations/tensors.js";
import { diagonalBlocks } from "../harness/operations/tril-inverse.js";
import type { Problem } from "../harness/workload/problem.js";
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

/** Returns the last batch entry alone. */
function lastEntry(problem: Problem): Problem {
  const { batch } = problem;
  const last = (x: FloatArray): FloatArray => x.subarray(((batch - 1) * x.length) / batch);
  const { diag, q, k, b, decay } = problem;
  const parts = {
    diag: last(diag),
    q: last(q),
    k: last(k),
    b: last(b),
    ...(decay && { decay: last(decay) }),
  };
  return { ...problem, batch: 1, ...parts };
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
  const { diag, q, k, b, decay } = problem;
  const parts = { diag: cut(diag), q: cut(q), k: cut(k), b: cut(b), ...(decay && { decay: cut(decay) }) };
  return { ...problem, n: rows, ...parts };
}

function ofBench(
  name: OperationName,
  problem: Problem,
  chunk: number,
  work: ShaderWork,
  tensorBytes: number,
): GpuOperation {
  const operation: Operation = operations[name];
  return {
    name,
    sizes: { ...sizesOf(problem), chunk },
    tensorBytes,
    flops: operation.flops(problem),
    work,
    open: (backend) => operation.open(backend, problem, chunk),
    judge: (output) => operation.judge(lastEntry(problem), [output]),
  };
}

const sizesOf = ({ batch, n, r, p }: Problem): Omit<ChunkedSizes, "chunk"> => ({ batch, n, r, p });

function solveTransposed(problem: Problem, chunk: number, tensorBytes: number): GpuOperation {
  const { batch, n, p } = problem;
  const sizes = { ...sizesOf(problem), chunk };
  return {
    name: "solve, transposed",
    sizes,
    tensorBytes,
    flops: operations.solve.flops(problem),
    work: solveWork(sizes),
    open: (backend) =>
      openRun(backend, (tensors) => {
        const op = tensors.operator(problem);
        const b = tensors.upload(problem.b, [batch, n, p]);
        const out = tensors.poisoned([batch, n, p], DTYPE);
        return {
          enqueue: () => void solve(backend, op, b, { out, chunk, trans: true }),
          outputs: () => [out],
        };
      }),
    judge: (output) => {
      const flipped = transposed(lastEntry(problem));
      return { value: solveOmega(flipped, reversed(output, 1, n, p)), limit: OMEGA_LIMIT };
    },
  };
}

/** max |got_i − q_i·k_i| / (|q_i|·|k_i|), in ε */
function judgeRowDot({ n, r, q, k }: Problem, got: FloatArray): Verdict {
  let worst = 0;
  for (let i = 0; i < n; i++) {
    let [sum, size] = [0, 0];
    for (let a = i * r; a < (i + 1) * r; a++) {
      sum += q[a]! * k[a]!;
      size += Math.abs(q[a]! * k[a]!);
    }
    const error = Math.abs(got[i]! - sum);
    if (!(error <= worst * size)) worst = error / size;
    if (!Number.isFinite(worst)) break;
  }
  return { value: worst / unitRoundoff[DTYPE], limit: OMEGA_LIMIT };
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
    judge: (output) => judgeRowDot(lastEntry(problem), output),
  };
}

/** What the backend can do, on one problem; `inverse` on its first `inverseRows` rows. */
export function gpuOperations(problem: Problem, chunk: number, inverseRows: number): GpuOperation[] {
  const { batch, n, r, p } = problem;
  const sizes = { ...sizesOf(problem), chunk };
  const sideBytes = byteSize([batch, n, Math.max(r, p)], DTYPE);
  const square = firstRows(problem, inverseRows);
  const { count, c } = diagonalBlocks(problem);
  return [
    ofBench("solve", problem, chunk, solveWork(sizes), sideBytes),
    solveTransposed(problem, chunk, sideBytes),
    ofBench("apply", problem, chunk, applyWork(sizes), sideBytes),
    ofBench(
      "inverse",
      square,
      chunk,
      inverseWork({ batch, n: inverseRows, r, chunk }),
      byteSize([batch, inverseRows, inverseRows], DTYPE),
    ),
    ofBench("trilInverse", problem, c, trilInverseWork(count, c), byteSize([count, c, c], DTYPE)),
    rowDot(problem, chunk),
  ];
}
