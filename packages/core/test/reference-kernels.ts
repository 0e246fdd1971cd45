import type { HostTensor, Kernels, RowDotParams, Sizes } from "../src/index.js";
import { dense, recurrent, type ReferenceOperator } from "../src/reference/index.js";

interface Factors extends Sizes {
  readonly diag?: HostTensor | undefined;
  readonly q: HostTensor;
  readonly k: HostTensor;
}

/** Batch entry `b` of a tensor. */
function entry(t: HostTensor, b: number): Float64Array {
  const size = t.shape[1] * t.shape[2];
  return Float64Array.from(t.data.subarray(b * size, (b + 1) * size));
}

function store(t: HostTensor, b: number, values: Float64Array): void {
  t.data.set(values, b * t.shape[1] * t.shape[2]);
}

function operator({ n, r, diag, q, k }: Factors, b: number): ReferenceOperator {
  return { n, r, diag: diag && entry(diag, b), q: entry(q, b), k: entry(k, b) };
}

const chunked =
  (method: typeof recurrent.solve, rhs: "b" | "x"): Kernels<HostTensor>["solve" | "apply"] =>
  (p: Parameters<Kernels<HostTensor>["solve"]>[0] & Parameters<Kernels<HostTensor>["apply"]>[0]) => {
    for (let b = 0; b < p.batch; b++) {
      const { trans, alpha } = p;
      const state = p.state && entry(p.state, b);
      const result = method(operator(p, b), entry(p[rhs], b), p.p, { trans, alpha, state });
      store(p.out, b, result.y);
      if (p.finalState) store(p.finalState, b, result.state);
    }
  };

/** The contract's kernels by the float64 reference: a backend as slow as it is right. */
export const referenceKernels: Kernels<HostTensor> = {
  apply: chunked(recurrent.apply, "x") as Kernels<HostTensor>["apply"],
  solve: chunked(recurrent.solve, "b") as Kernels<HostTensor>["solve"],
  inverse: (p) => {
    for (let b = 0; b < p.batch; b++) store(p.out, b, recurrent.inverse(operator(p, b)));
  },
  trilInverse: ({ batch, c, a, out }) => {
    for (let b = 0; b < batch; b++) store(out, b, dense.trilInverse(entry(a, b), c));
  },
  rowDot: ({ batch, n, p, alpha, x, y, out }: RowDotParams<HostTensor>) => {
    for (let row = 0; row < batch * n; row++) {
      let sum = 0;
      for (let j = 0; j < p; j++) sum += x.data[row * p + j]! * y.data[row * p + j]!;
      out.data[row] = alpha * sum;
    }
  },
};
