/**
 * A complete backend to start from: plain loops in float64, each element rounded once. It is one long file, so that it can be
 * copied as it is.
 */
import type { Backend, Dtype, FloatArray, HostTensor, HostView, Layout, Shape, Supports } from "@dlrt/core";
import {
  checkAllocation,
  checkReadable,
  checkView,
  entryStart,
  Ledger,
  OwnedTensor,
  packView,
  readView,
  viewLayout,
  type ApplyParams,
  type Kernels,
  type Placement,
  type SolveParams,
} from "@dlrt/core/backend";

type Params = ApplyParams<HostTensor> | SolveParams<HostTensor>;

/** Where row i of batch entry `e` starts in `t.data`; its columns are adjacent. */
function rowsOf(t: HostTensor, e: number): (i: number) => number {
  const start = entryStart(t.layout, e);
  return (i) => start + i * t.layout.row;
}

/** What rounding took from sum = a + b: exact, and 0 where it overflowed. */
function lostIn(sum: number, a: number, b: number): number {
  const part = sum - a;
  return Number.isFinite(sum) ? a - (sum - part) + (b - part) : 0;
}

/** Sums of one or many numbers, which keep what they lose: a thousand roundings add up in float64 too. */
class Sums {
  readonly total: Float64Array;
  readonly lost: Float64Array;

  constructor(count: number) {
    this.total = new Float64Array(count);
    this.lost = new Float64Array(count);
  }

  add(at: number, value: number): void {
    const before = this.total[at]!;
    this.total[at] = before + value;
    this.lost[at]! += lostIn(this.total[at]!, before, value);
  }

  /** Multiplies by `factor`, what was lost too. Near 1 a rounded factor loses a slow decay, so factor − 1 is given besides. */
  decay(at: number, factor: number, loss: number): void {
    if (loss === 0) return;
    this.lost[at]! *= factor;
    if (factor > 0.5) this.add(at, loss * this.total[at]!);
    else this.total[at]! *= factor;
  }

  of(at: number): number {
    return this.total[at]! + this.lost[at]!;
  }
}

/** Σ term(l) for l < count. */
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
function recurrence(params: Params, rhs: HostTensor, solving: boolean, onColumns: boolean): void {
  const { batch, n, r, p, op, trans, alpha, out, initialState, finalState } = params;
  const { diag, decay } = op;
  const [f, g] = trans ? [op.k, op.q] : [op.q, op.k];
  for (let e = 0; e < batch; e++) {
    const [fRow, gRow, xRow, yRow] = [rowsOf(f, e), rowsOf(g, e), rowsOf(rhs, e), rowsOf(out, e)];
    const [lambdaAt, gapRow] = [diag && rowsOf(diag, e), decay && rowsOf(decay, e)];
    const z = new Sums(r * p);
    if (initialState) load(initialState, e, z.total);
    const decayTo = (i: number): void => {
      const gaps = decay!.data.subarray(gapRow!(i), gapRow!(i) + decay!.shape[2]);
      const [factors, losses] = [Math.exp, Math.expm1].map((of) => Float64Array.from(gaps, of));
      for (let at = 0; at < r * p; at++) {
        const m = gaps.length === 1 ? 0 : onColumns ? at % p : Math.floor(at / p);
        z.decay(at, factors![m]!, losses![m]!);
      }
    };
    for (let step = 0; step < n; step++) {
      const i = trans ? n - 1 - step : step;
      if (decay && !trans) decayTo(i);
      const [fAt, gAt, xAt, yAt] = [fRow(i), gRow(i), xRow(i), yRow(i)];
      const lambda = lambdaAt ? diag!.data[lambdaAt(i)]! : 0;
      for (let j = 0; j < p; j++) {
        const x = rhs.data[xAt + j]!;
        const low = sumOf(r, (l) => f.data[fAt + l]! * z.of(l * p + j));
        const y = solving ? (x - low) / lambda : lambdaAt ? lambda * x + low : low;
        out.data[yAt + j] = alpha * y;
        for (let l = 0; l < r; l++) z.add(l * p + j, g.data[gAt + l]! * (solving ? y : x));
      }
      if (decay && trans) decayTo(i);
    }
    if (finalState) store(finalState, e, (at) => z.of(at));
  }
}

function load(t: HostTensor, e: number, into: Float64Array): void {
  const [, rows, cols] = t.shape;
  const row = rowsOf(t, e);
  for (let i = 0; i < rows; i++) into.set(t.data.subarray(row(i), row(i) + cols), i * cols);
}

function store(t: HostTensor, e: number, element: (at: number) => number): void {
  const [, rows, cols] = t.shape;
  const row = rowsOf(t, e);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) t.data[row(i) + j] = element(i * cols + j);
  }
}

/** A⁻¹, c×c and lower triangular, from the entries of A. */
function invert(c: number, entry: (i: number, j: number) => number): Float64Array {
  const x = new Float64Array(c * c);
  for (let i = 0; i < c; i++) {
    for (let j = 0; j < i; j++) {
      const sum = sumOf(i - j, (m) => entry(i, j + m) * x[(j + m) * c + j]!);
      x[i * c + j] = -sum / entry(i, i);
    }
    x[i * c + i] = 1 / entry(i, i);
  }
  return x;
}

/** T of batch entry `e`, n×n, without its diagonal. */
function below(
  n: number,
  r: number,
  { q, k, decay }: SolveParams<HostTensor>["op"],
  e: number,
): Float64Array {
  const t = new Float64Array(n * n);
  const [qRow, kRow, gapRow] = [rowsOf(q, e), rowsOf(k, e), decay && rowsOf(decay, e)];
  const channels = decay ? decay.shape[2] : 0;
  for (let i = 0; i < n; i++) {
    const gaps = new Sums(channels); // g_{j+1} + … + g_i
    for (let j = i - 1; j >= 0; j--) {
      for (let m = 0; m < channels; m++) gaps.add(m, decay!.data[gapRow!(j + 1) + m]!);
      const factors = gaps.total.map((_, m) => Math.exp(gaps.of(m)));
      const [row, column] = [qRow(i), kRow(j)];
      t[i * n + j] = sumOf(r, (l) => {
        const product = q.data[row + l]! * k.data[column + l]!;
        return channels === 0 ? product : product * factors[channels === 1 ? 0 : l]!;
      });
    }
  }
  return t;
}

export const plainKernels: Kernels<HostTensor> = {
  apply: (params) => recurrence(params, params.x, false, params.decayOn === "columns"),
  solve: (params) => recurrence(params, params.b, true, false),

  inverse({ batch, n, r, op, out }) {
    for (let e = 0; e < batch; e++) {
      const t = below(n, r, op, e);
      const lambdaAt = rowsOf(op.diag, e);
      const x = invert(n, (i, j) => (i === j ? op.diag.data[lambdaAt(i)]! : t[i * n + j]!));
      store(out, e, (at) => x[at]!);
    }
  },

  trilInverse({ batch, c, a, out }) {
    for (let e = 0; e < batch; e++) {
      const row = rowsOf(a, e);
      const x = invert(c, (i, j) => a.data[row(i) + j]!);
      store(out, e, (at) => x[at]!);
    }
  },

  rowDot({ batch, p, alpha, x, y, out }) {
    for (let e = 0; e < batch; e++) {
      const [xRow, yRow] = [rowsOf(x, e), rowsOf(y, e)];
      store(out, e, (i) => alpha * sumOf(p, (j) => x.data[xRow(i) + j]! * y.data[yRow(i) + j]!));
    }
  },

  copy({ batch, cols, alpha, trans, x, out }) {
    for (let e = 0; e < batch; e++) {
      const row = rowsOf(x, e);
      store(out, e, (at) => {
        const [i, j] = [Math.floor(at / cols), at % cols];
        return alpha * x.data[trans ? row(j) + i : row(i) + j]!;
      });
    }
  },

  /** ḡ_t = s − Σ_{i<t} (q_i ∘ q̄_i − k_i ∘ k̄_i), or s + Σ_{i≥t} (…) of the transpose. */
  decayVjp({ batch, n, r, trans, decay, q, k, qGradient, kGradient, start, out }) {
    const channels = decay.shape[2];
    for (let e = 0; e < batch; e++) {
      const [qRow, kRow, gQ, gK] = [q, k, qGradient, kGradient].map((t) => rowsOf(t, e));
      const [gapRow, startRow] = [rowsOf(decay, e), start && rowsOf(start, e)];
      const sums = new Sums(channels);
      const gradient = new Float64Array(n * channels);
      for (let m = 0; m < r && startRow; m++) sums.add(m % channels, start!.data[startRow(m)]!);
      for (let step = 0; step < n; step++) {
        const t = trans ? n - 1 - step : step;
        const add = (): void => {
          const sign = trans ? 1 : -1;
          for (let m = 0; m < r; m++) {
            sums.add(m % channels, sign * q.data[qRow!(t) + m]! * qGradient.data[gQ!(t) + m]!);
            sums.add(m % channels, -sign * k.data[kRow!(t) + m]! * kGradient.data[gK!(t) + m]!);
          }
        };
        if (trans) add();
        for (let m = 0; m < channels; m++) {
          gradient[t * channels + m] = decay.data[gapRow(t) + m] === -Infinity ? 0 : sums.of(m);
        }
        if (!trans) add();
      }
      store(out, e, (at) => gradient[at]!);
    }
  },
};

class PlainTensor extends OwnedTensor implements HostTensor {
  readonly byteOffset = 0;
  readonly storage: object;
  data: FloatArray;

  constructor(owner: PlainBackend, shape: Shape, data: FloatArray, placement?: Placement) {
    super(owner, owner.ledger, shape, data.BYTES_PER_ELEMENT === 4 ? "f32" : "f64", placement);
    this.data = data;
    this.storage = data.buffer;
  }

  protected release(): void {
    this.data = this.data.slice(0, 0);
  }
}

export class PlainBackend implements Backend<HostTensor> {
  readonly name: string = "plain";
  readonly supports: Supports = {
    dtypes: ["f32", "f64"],
    decay: "channel",
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

  view(t: HostTensor, shape: Shape, layout: Layout): HostTensor {
    this.ledger.assertOpen();
    checkReadable(this, "tensor", t);
    return new PlainTensor(this, shape, t.data, { layout: viewLayout(t, shape, layout), of: t });
  }

  async read(t: HostTensor): Promise<FloatArray> {
    this.ledger.assertOpen();
    checkReadable(this, "tensor", t);
    return readView(t);
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
    const length = shape[0] * shape[1] * shape[2];
    return new PlainTensor(
      this,
      shape,
      dtype === "f32" ? new Float32Array(length) : new Float64Array(length),
    );
  }
}

export function createPlainBackend(): Backend<HostTensor> {
  return new PlainBackend();
}
