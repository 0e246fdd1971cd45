/** A complete backend, as a third party would write one: plain loops in float64, rounded once per element. */
import {
  byteSize,
  checkAllocation,
  checkReadable,
  checkView,
  elementCount,
  Ledger,
  LimitError,
  MAX_ELEMENTS,
  newFloatArray,
  OwnedTensor,
  packView,
  type ApplyParams,
  type Backend,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type HostView,
  type InverseParams,
  type Kernels,
  type RowDotParams,
  type Shape,
  type SolveParams,
  type Supports,
  type TrilInverseParams,
} from "@dlrt/core";

class PlainTensor extends OwnedTensor implements HostTensor {
  readonly byteOffset = 0;

  constructor(
    backend: object,
    ledger: Ledger,
    shape: Shape,
    dtype: Dtype,
    public data: FloatArray,
  ) {
    super(backend, ledger, shape, dtype);
  }

  get storage(): object {
    return this.data.buffer;
  }

  protected release(): void {
    this.data = newFloatArray(this.dtype, 0);
  }
}

/** Row by row: row i needs no more of the rows before it than Z, [r, p]. `sign` −1: solve; 1: apply. */
function recurrence(
  params: ApplyParams<HostTensor> & SolveParams<HostTensor>,
  rhs: HostTensor,
  sign: 1 | -1,
): void {
  const { batch, n, r, p, trans, alpha, diag, out, state, finalState } = params;
  const [f, g] = trans ? [params.k.data, params.q.data] : [params.q.data, params.k.data];
  for (let e = 0; e < batch; e++) {
    const z = new Float64Array(r * p);
    if (state) z.set(state.data.subarray(e * r * p, (e + 1) * r * p));
    for (let step = 0; step < n; step++) {
      const i = e * n + (trans ? n - 1 - step : step);
      for (let j = 0; j < p; j++) {
        const x = rhs.data[i * p + j]!;
        let low = 0;
        for (let l = 0; l < r; l++) low += f[i * r + l]! * z[l * p + j]!;
        const lambda = diag ? diag.data[i]! : 0;
        const y = sign < 0 ? (x - low) / lambda : diag ? lambda * x + low : low;
        const carried = sign < 0 ? y : x;
        for (let l = 0; l < r; l++) z[l * p + j]! += g[i * r + l]! * carried;
        out.data[i * p + j] = alpha * y;
      }
    }
    finalState?.data.set(z, e * r * p);
  }
}

/** X = A⁻¹ for lower triangular A given by its entries, c×c, by substitution. */
function invert(
  c: number,
  entry: (i: number, j: number) => number,
  write: (at: number, x: number) => void,
): void {
  const x = new Float64Array(c * c);
  for (let i = 0; i < c; i++) {
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let m = j; m < i; m++) sum += entry(i, m) * x[m * c + j]!;
      x[i * c + j] = -sum / entry(i, i);
    }
    x[i * c + i] = 1 / entry(i, i);
  }
  x.forEach((value, at) => write(at, value));
}

export const plainKernels: Kernels<HostTensor> = {
  apply: (params) => recurrence(params as ApplyParams<HostTensor> & SolveParams<HostTensor>, params.x, 1),
  solve: (params) => recurrence(params as ApplyParams<HostTensor> & SolveParams<HostTensor>, params.b, -1),

  inverse({ batch, n, r, diag, q, k, out }: InverseParams<HostTensor>): void {
    for (let e = 0; e < batch; e++) {
      const entry = (i: number, j: number): number => {
        if (i === j) return diag.data[e * n + i]!;
        let sum = 0;
        for (let l = 0; l < r; l++) sum += q.data[(e * n + i) * r + l]! * k.data[(e * n + j) * r + l]!;
        return sum;
      };
      const t = new Float64Array(n * n);
      for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) t[i * n + j] = entry(i, j);
      invert(
        n,
        (i, j) => t[i * n + j]!,
        (at, x) => (out.data[e * n * n + at] = x),
      );
    }
  },

  trilInverse({ batch, c, a, out }: TrilInverseParams<HostTensor>): void {
    for (let e = 0; e < batch; e++) {
      const first = e * c * c;
      invert(
        c,
        (i, j) => a.data[first + i * c + j]!,
        (at, x) => (out.data[first + at] = x),
      );
    }
  },

  rowDot({ batch, n, p, alpha, x, y, out }: RowDotParams<HostTensor>): void {
    for (let i = 0; i < batch * n; i++) {
      let sum = 0;
      for (let j = i * p; j < (i + 1) * p; j++) sum += x.data[j]! * y.data[j]!;
      out.data[i] = alpha * sum;
    }
  },
};

const supports: Supports = {
  dtypes: ["f32", "f64"],
  limits: { tensorBytes: MAX_ELEMENTS * 8 },
  build: "plain loops",
};

export class PlainBackend implements Backend<HostTensor> {
  readonly name: string = "plain";
  readonly supports: Supports = supports;
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
    await this.dispose();
  }

  protected own(shape: Shape, dtype: Dtype): HostTensor {
    let data: FloatArray;
    try {
      data = newFloatArray(dtype, elementCount(shape));
    } catch {
      throw new LimitError("shape", byteSize(shape, dtype), Number.NaN);
    }
    return new PlainTensor(this, this.ledger, [shape[0], shape[1], shape[2]], dtype, data);
  }
}

export function createPlainBackend(): Backend<HostTensor> {
  return new PlainBackend();
}
