/** A complete backend: plain loops in float64, each element rounded once. */
import {
  checkAllocation,
  checkReadable,
  checkView,
  elementCount,
  Ledger,
  newFloatArray,
  OwnedTensor,
  packView,
  type ApplyParams,
  type Backend,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type HostView,
  type Kernels,
  type Shape,
  type SolveParams,
  type Supports,
} from "@dlrt/core";

type Params = ApplyParams<HostTensor> | SolveParams<HostTensor>;

/** What rounding took from sum = a + b: exact, and 0 where it overflowed. */
function lostIn(sum: number, a: number, b: number): number {
  const part = sum - a;
  return Number.isFinite(sum) ? a - (sum - part) + (b - part) : 0;
}

/** Σ term(l) for l < count. Sums keep what they lose: one chain of a thousand roundings is far off in float64 too. */
function sumOf(count: number, term: (l: number) => number): number {
  let total = 0;
  let lost = 0;
  for (let l = 0; l < count; l++) {
    const value = term(l);
    const next = total + value;
    lost += lostIn(next, total, value);
    total = next;
  }
  return total + lost;
}

/** Row by row: row i needs no more of the rows before it than Z, [r, p]. */
function recurrence(params: Params, rhs: HostTensor, solving: boolean): void {
  const { batch, n, r, p, trans, alpha, diag, out, state, finalState } = params;
  const [f, g] = trans ? [params.k.data, params.q.data] : [params.q.data, params.k.data];
  for (let e = 0; e < batch; e++) {
    const z = new Float64Array(r * p);
    const lost = new Float64Array(r * p);
    if (state) z.set(state.data.subarray(e * r * p, (e + 1) * r * p));
    for (let step = 0; step < n; step++) {
      const i = e * n + (trans ? n - 1 - step : step);
      for (let j = 0; j < p; j++) {
        const x = rhs.data[i * p + j]!;
        const low = sumOf(r, (l) => f[i * r + l]! * (z[l * p + j]! + lost[l * p + j]!));
        const product = diag && !solving ? diag.data[i]! * x + low : low;
        const y = diag && solving ? (x - low) / diag.data[i]! : product;
        out.data[i * p + j] = alpha * y;
        for (let at = j; at < r * p; at += p) {
          const before = z[at]!;
          const term = g[i * r + (at - j) / p]! * (solving ? y : x);
          z[at] = before + term;
          lost[at]! += lostIn(z[at]!, before, term);
        }
      }
    }
    finalState?.data.set(
      z.map((value, at) => value + lost[at]!),
      e * r * p,
    );
  }
}

/** out ← A⁻¹ at `first`; A, c×c, lower triangular, by its entries. */
function invert(c: number, entry: (i: number, j: number) => number, out: FloatArray, first: number): void {
  const x = new Float64Array(c * c);
  for (let i = 0; i < c; i++) {
    for (let j = 0; j < i; j++) {
      const sum = sumOf(i - j, (m) => entry(i, j + m) * x[(j + m) * c + j]!);
      x[i * c + j] = -sum / entry(i, i);
    }
    x[i * c + i] = 1 / entry(i, i);
  }
  out.set(x, first);
}

export const plainKernels: Kernels<HostTensor> = {
  apply: (params) => recurrence(params, params.x, false),
  solve: (params) => recurrence(params, params.b, true),

  inverse({ batch, n, r, diag, q, k, out }) {
    for (let e = 0; e < batch; e++) {
      const t = new Float64Array(n * n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < i; j++) {
          const [row, column] = [(e * n + i) * r, (e * n + j) * r];
          t[i * n + j] = sumOf(r, (l) => q.data[row + l]! * k.data[column + l]!);
        }
        t[i * n + i] = diag.data[e * n + i]!;
      }
      invert(n, (i, j) => t[i * n + j]!, out.data, e * n * n);
    }
  },

  trilInverse({ batch, c, a, out }) {
    for (let first = 0; first < batch * c * c; first += c * c) {
      invert(c, (i, j) => a.data[first + i * c + j]!, out.data, first);
    }
  },

  rowDot({ batch, n, p, alpha, x, y, out }) {
    for (let i = 0; i < batch * n; i++) {
      out.data[i] = alpha * sumOf(p, (j) => x.data[i * p + j]! * y.data[i * p + j]!);
    }
  },
};

class PlainTensor extends OwnedTensor implements HostTensor {
  readonly byteOffset = 0;
  readonly storage: object;
  data: FloatArray;

  constructor(owner: PlainBackend, shape: Shape, dtype: Dtype, data: FloatArray) {
    super(owner, owner.ledger, shape, dtype);
    this.data = data;
    this.storage = data.buffer;
  }

  protected release(): void {
    this.data = newFloatArray(this.dtype, 0);
  }
}

export class PlainBackend implements Backend<HostTensor> {
  readonly name: string = "plain";
  readonly supports: Supports = {
    dtypes: ["f32", "f64"],
    limits: { tensorBytes: 2 ** 31 },
    build: "plain loops",
  };
  readonly kernels: Kernels<HostTensor> = plainKernels;
  readonly ledger: Ledger = new Ledger("plain");

  get disposed(): boolean {
    return this.ledger.closed;
  }

  empty(shape: Shape, dtype: Dtype = "f32"): HostTensor {
    this.ledger.assertOpen();
    checkAllocation("tensor", shape, dtype, this.supports);
    return this.own(shape, dtype);
  }

  upload(view: HostView): HostTensor {
    this.ledger.assertOpen();
    const checked = checkView(view, this.supports);
    const t = this.own(checked.shape, checked.dtype);
    packView(checked, t.data);
    return t;
  }

  async read(t: HostTensor): Promise<FloatArray> {
    this.ledger.assertOpen();
    checkReadable(this, "tensor", t);
    return t.data.slice();
  }

  async sync(): Promise<void> {
    this.ledger.assertOpen();
  }

  memory(): { tensors: number; bytes: number } {
    return this.ledger.memory();
  }

  async dispose(): Promise<void> {
    this.ledger.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ledger.close();
  }

  protected own(shape: Shape, dtype: Dtype): HostTensor {
    return new PlainTensor(this, [...shape], dtype, newFloatArray(dtype, elementCount(shape)));
  }
}

export function createPlainBackend(): Backend<HostTensor> {
  return new PlainBackend();
}
