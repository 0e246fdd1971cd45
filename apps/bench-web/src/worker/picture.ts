import { createJsBackend } from "@dlrt/backend-js";
import { workloads, type Problem } from "@dlrt/bench/harness";
import { inverse, materialize, solve, type Backend, type HostTensor, type Shape } from "@dlrt/core";
import type { Matrix, Picture, PictureRequest } from "../protocol.js";

/** Small enough to see every element. */
export const PICTURE_SIZES = { batch: 1, n: 24, r: 4, p: 6 } as const;

const matrix = (rows: number, cols: number, data: ArrayLike<number>): Matrix => ({
  rows,
  cols,
  data: Float64Array.from(data),
});

function transposed({ rows, cols, data }: Matrix): Matrix {
  const to = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) to[j * rows + i] = data[i * cols + j]!;
  return { rows: cols, cols: rows, data: to };
}

/** max |T Y − B| */
function residual(t: Matrix, y: Matrix, b: Matrix): number {
  let worst = 0;
  for (let i = 0; i < y.rows; i++) {
    for (let j = 0; j < y.cols; j++) {
      let sum = -b.data[i * y.cols + j]!;
      for (let a = 0; a <= i; a++) sum += t.data[i * t.cols + a]! * y.data[a * y.cols + j]!;
      worst = Math.max(worst, Math.abs(sum));
    }
  }
  return worst;
}

/** Y chunk by chunk with the state carried from one call to the next, as a stream would. */
function stream(
  backend: Backend<HostTensor>,
  problem: Problem,
  chunk: number,
): { y: Matrix; states: Matrix[] } {
  const { n, r, p, diag, q, k, b } = problem;
  const y = new Float64Array(n * p);
  const state = backend.upload({ data: new Float64Array(r * p), shape: [1, r, p] });
  const states = [matrix(r, p, state.data)];
  for (let l = 0; l < n; l += chunk) {
    const c = Math.min(chunk, n - l);
    const rows = (x: Problem["q"], width: number): HostTensor =>
      backend.upload({ data: x.subarray(l * width, (l + c) * width), shape: [1, c, width] as Shape });
    const op = { diag: rows(diag, 1), q: rows(q, r), k: rows(k, r) };
    const out = solve(backend, op, rows(b, p), { initialState: state, finalState: state });
    y.set(out.data, l * p);
    states.push(matrix(r, p, state.data));
  }
  return { y: matrix(n, p, y), states };
}

/** Everything the picture shows, computed by the library's own operations in float64. */
export async function picture({ workload, chunk }: PictureRequest): Promise<Picture> {
  const problem = workloads[workload]({ ...PICTURE_SIZES, dtype: "f64", seed: 4 });
  const { n, r, p, diag, q, k, b } = problem;
  const backend = createJsBackend();
  try {
    const op = {
      diag: backend.upload({ data: diag, shape: [1, n, 1] }),
      q: backend.upload({ data: q, shape: [1, n, r] }),
      k: backend.upload({ data: k, shape: [1, n, r] }),
    };
    const t = matrix(n, n, materialize(backend, op).data);
    const right = matrix(n, p, b);
    const { y, states } = stream(backend, problem, chunk);
    return {
      ...{ chunk, t, y, states, b: right },
      inverse: matrix(n, n, inverse(backend, op).data),
      q: matrix(n, r, q),
      kT: transposed(matrix(n, r, k)),
      residual: residual(t, y, right),
    };
  } finally {
    await backend.dispose();
  }
}
