import type { DiagLowRankTril, HostTensor, Sizes } from "../src/index.js";
import {
  entryStart,
  type CopyParams,
  type DecayVjpParams,
  type Kernels,
  type RowDotParams,
} from "../src/backend.js";
import { dense, recurrent, type ReferenceOperator } from "../src/reference/index.js";

/** Returns the elements of batch entry `b` of a tensor in any layout, row-major. */
function entry(t: HostTensor, b: number): Float64Array {
  const [, rows, cols] = t.shape;
  const start = entryStart(t.layout, b);
  return Float64Array.from({ length: rows * cols }, (_, at) => {
    const j = at % cols;
    return t.data[start + ((at - j) / cols) * t.layout.row + j]!;
  });
}

function store(t: HostTensor, b: number, values: Float64Array): void {
  const [, rows, cols] = t.shape;
  const start = entryStart(t.layout, b);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) t.data[start + i * t.layout.row + j] = values[i * cols + j]!;
  }
}

function operator(
  { n, r }: Sizes,
  { diag, q, k, decay }: DiagLowRankTril<HostTensor>,
  b: number,
): ReferenceOperator {
  return {
    n,
    r,
    diag: diag && entry(diag, b),
    q: entry(q, b),
    k: entry(k, b),
    decay: decay && entry(decay, b),
  };
}

const chunked =
  (method: typeof recurrent.apply, rhs: "b" | "x"): Kernels<HostTensor>["solve" | "apply"] =>
  (p: Parameters<Kernels<HostTensor>["solve"]>[0] & Parameters<Kernels<HostTensor>["apply"]>[0]) => {
    for (let b = 0; b < p.batch; b++) {
      const { trans, alpha, decayOn } = p;
      const state = p.initialState && entry(p.initialState, b);
      const result = method(operator(p, p.op, b), entry(p[rhs], b), p.p, {
        trans,
        alpha,
        initialState: state,
        decayOn,
      });
      store(p.out, b, result.y);
      if (p.finalState) store(p.finalState, b, result.finalState);
    }
  };

/** The contract's kernels, computed by the float64 reference: together they make a backend as slow as it is right. */
export const referenceKernels: Kernels<HostTensor> = {
  apply: chunked(recurrent.apply, "x") as Kernels<HostTensor>["apply"],
  solve: chunked(recurrent.solve, "b") as Kernels<HostTensor>["solve"],
  inverse: (p) => {
    for (let b = 0; b < p.batch; b++) store(p.out, b, recurrent.inverse(operator(p, p.op, b)));
  },
  trilInverse: ({ batch, c, a, out }) => {
    for (let b = 0; b < batch; b++) store(out, b, dense.trilInverse(entry(a, b), c));
  },
  rowDot: ({ batch, n, p, alpha, x, y, out }: RowDotParams<HostTensor>) => {
    for (let b = 0; b < batch; b++) {
      const [left, right] = [entry(x, b), entry(y, b)];
      const dots = new Float64Array(n);
      for (let at = 0; at < n * p; at++) dots[Math.floor(at / p)]! += left[at]! * right[at]!;
      store(
        out,
        b,
        dots.map((dot) => alpha * dot),
      );
    }
  },
  copy: ({ batch, rows, cols, alpha, trans, x, out }: CopyParams<HostTensor>) => {
    for (let b = 0; b < batch; b++) {
      const from = entry(x, b);
      const at = (i: number, j: number): number => (trans ? j * rows + i : i * cols + j);
      store(
        out,
        b,
        Float64Array.from(
          { length: rows * cols },
          (_, to) => alpha * from[at(Math.floor(to / cols), to % cols)]!,
        ),
      );
    }
  },
  decayVjp: ({ batch, n, r, trans, decay, start, out, ...of }: DecayVjpParams<HostTensor>) => {
    for (let b = 0; b < batch; b++) {
      const [q, k, gQ, gK] = [of.q, of.k, of.qGradient, of.kGradient].map((t) => entry(t, b));
      const gaps = entry(decay, b);
      const channels = decay.shape[2];
      const gradient = new Float64Array(n * channels);
      for (let m = 0; m < r; m++) {
        let sum = start ? entry(start, b)[m]! : 0;
        for (let step = 0; step < n; step++) {
          const t = trans ? n - 1 - step : step;
          const at = t * r + m;
          const own = q![at]! * gQ![at]! - k![at]! * gK![at]!;
          if (trans) sum += own;
          gradient[t * channels + (m % channels)]! += sum;
          if (!trans) sum -= own;
        }
      }
      store(
        out,
        b,
        gradient.map((value, at) => (gaps[at] === -Infinity ? 0 : value)),
      );
    }
  },
};
