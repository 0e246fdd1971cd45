/** A right backend with one thing wrong. Each fault is one that was made somewhere, or that a port invites. */
import {
  elementCount,
  newFloatArray,
  type ApplyParams,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type HostView,
  type Kernels,
  type Shape,
  type SolveParams,
  type Supports,
} from "@dlrt/core";
import { PlainBackend, plainKernels } from "../examples/plain-backend.js";

export interface Fault {
  readonly name: string;
  /** The case that finds it. */
  readonly caughtBy: string;
  readonly create: () => PlainBackend;
  /** Where it takes larger problems than the others. */
  readonly budget?: { readonly maxN?: number; readonly maxWork?: number };
}

type Params = SolveParams<HostTensor> & ApplyParams<HostTensor>;
type Verb = "solve" | "apply";

class FaultyBackend extends PlainBackend {
  override kernels: Kernels<HostTensor> = plainKernels;
  override supports: Supports = { ...new PlainBackend().supports, dtypes: ["f32"] };
}

/** A backend whose kernels are `change`d. */
function withKernels(change: Partial<Kernels<HostTensor>>) {
  return (): PlainBackend => {
    const backend = new FaultyBackend();
    backend.kernels = { ...plainKernels, ...change };
    return backend;
  };
}

/** A backend of a class that overrides some method. */
function of(Class: new () => FaultyBackend) {
  return (): PlainBackend => new Class();
}

/** What kernels see of a tensor, with other elements. */
function like(t: HostTensor, change: (value: number, at: number) => number): HostTensor {
  const data = t.data.slice();
  for (let at = 0; at < data.length; at++) data[at] = change(data[at]!, at);
  return { dtype: t.dtype, shape: t.shape, data } as unknown as HostTensor;
}

/** Runs the right kernel on wrong arguments. */
const wrongly = (verb: Verb, wrong: (p: Params) => Partial<Params> | undefined) => {
  const kernel = plainKernels[verb] as (p: Params) => void;
  return withKernels({ [verb]: (p: Params) => kernel({ ...p, ...wrong(p) }) });
};

/** Runs the right kernel, then spoils what it wrote. */
const after = (verb: Verb, spoil: (p: Params) => void) => {
  const kernel = plainKernels[verb] as (p: Params) => void;
  return withKernels({
    [verb]: (p: Params) => {
      kernel(p);
      spoil(p);
    },
  });
};

const rowOf = (t: HostTensor, at: number): number => Math.floor(at / t.shape[2]) % t.shape[1];
const entryOf = (t: HostTensor, at: number): number => Math.floor(at / (t.shape[1] * t.shape[2]));

/** 20 bits, and exact for powers of two: a reciprocal estimate without its Newton step. */
function estimate(x: number): number {
  const scale = 2 ** Math.floor(Math.log2(Math.abs(x)));
  return (1 / scale) * (Math.round((scale / x) * 2 ** 20) / 2 ** 20);
}

/** α (λ x + F Z), with Z rounded to f32 at every row. */
function roundingApply({ batch, n, r, p, trans, alpha, diag, out, ...rest }: ApplyParams<HostTensor>): void {
  const { q, k, x, state, finalState } = rest;
  const [f, g] = trans ? [k.data, q.data] : [q.data, k.data];
  for (let e = 0; e < batch; e++) {
    const z = new Float32Array(r * p);
    if (state) z.set(state.data.subarray(e * r * p, (e + 1) * r * p));
    for (let step = 0; step < n; step++) {
      const i = e * n + (trans ? n - 1 - step : step);
      for (let j = 0; j < p; j++) {
        let sum = diag ? diag.data[i]! * x.data[i * p + j]! : 0;
        for (let l = 0; l < r; l++) sum += f[i * r + l]! * z[l * p + j]!;
        for (let l = 0; l < r; l++) z[l * p + j]! += g[i * r + l]! * x.data[i * p + j]!;
        out.data[i * p + j] = alpha * sum;
      }
    }
    finalState?.data.set(z, e * r * p);
  }
}

/** Faults in kernels. */
const kernelFaults: Fault[] = [
  {
    name: "the state is rounded to f32 at every row",
    caughtBy: "apply › f32: long sums of one sign",
    budget: { maxN: 65537, maxWork: 2 ** 17 },
    create: withKernels({ apply: roundingApply }),
  },
  {
    name: "the state update of one chunk is dropped",
    caughtBy: "solve › f32: every family at n = 1000",
    create: wrongly("solve", ({ k, trans, n }) =>
      !trans && n > 80 ? { k: like(k, (v, at) => (rowOf(k, at) >> 4 === 4 ? 0 : v)) } : {},
    ),
  },
  {
    name: "trans is ignored",
    caughtBy: "solve › f32: every awkward size",
    create: wrongly("solve", () => ({ trans: false })),
  },
  {
    name: "T = Λ − tril(Q Kᵀ, −1)",
    caughtBy: "apply › f32: every awkward size",
    create: wrongly("apply", ({ q }) => ({ q: like(q, (v) => -v) })),
  },
  {
    name: "the last row of a partial chunk misses the row before it",
    caughtBy: "solve › f32: any problem, any options",
    create: wrongly("solve", ({ n, k, trans }) =>
      n % 16 > 1 && !trans ? { k: like(k, (v, at) => (rowOf(k, at) === n - 2 ? 0 : v)) } : {},
    ),
  },
  {
    name: "NaN is left in the last column of odd p",
    caughtBy: "apply › f32: every awkward size",
    create: after("apply", ({ out, p }) => {
      if (p % 2 === 1) out.data[p - 1] = NaN;
    }),
  },
  {
    name: "the initial state is ignored",
    caughtBy: "state › f32: solve, cut anywhere",
    create: wrongly("solve", () => ({ state: undefined })),
  },
  {
    name: "α scales the final state too",
    caughtBy: "solve › f32: any problem, any options",
    create: after("solve", ({ finalState, alpha }) => {
      finalState?.data.set(finalState.data.map((v) => alpha * v));
    }),
  },
  {
    name: "no rows, and so no final state",
    caughtBy: "state › f32: solve, cut anywhere",
    create: withKernels({
      solve: (p) => (p.n > 0 ? plainKernels.solve(p) : undefined),
    }),
  },
  {
    name: "batch entry 1 reads the K of entry 0",
    caughtBy: "apply › f32: every awkward size",
    create: wrongly("apply", ({ k, n, r }) => ({ k: like(k, (_, at) => k.data[at % Math.max(n * r, 1)]!) })),
  },
  {
    name: "β is ignored in the gradient of K: rows are normalised on the way",
    caughtBy: "gradients › f32: solveVjp beside differences",
    create: wrongly("apply", ({ diag, trans, x, p }) => {
      if (diag || !trans) return {};
      const length = (at: number): number =>
        Math.hypot(...x.data.slice(at - (at % p), at - (at % p) + p)) || 1;
      return { x: like(x, (v, at) => v / length(at)) };
    }),
  },
  {
    name: "a chunk hint past 64 drops the rows past 64 from the state",
    caughtBy: "exact › f32: n = 1000 in any chunks",
    create: wrongly("solve", ({ k, chunk = 0 }) =>
      chunk > 64 ? { k: like(k, (v, at) => (rowOf(k, at) % chunk >= 64 ? 0 : v)) } : {},
    ),
  },
  {
    name: "f32 is held in 16 bits",
    caughtBy: "solve › f32: every family at n = 1000",
    create: after("solve", ({ out }) => {
      const bits = new Uint32Array(out.data.buffer, out.data.byteOffset, out.data.byteLength >> 2);
      if (out.dtype === "f32") bits.forEach((word, at) => (bits[at] = word & 0xffff0000));
    }),
  },
  {
    name: "f32 results are one roundoff off",
    caughtBy: "exact › f32: solve",
    create: after("solve", ({ out }) => {
      if (out.dtype === "f32") out.data.forEach((v, at) => (out.data[at] = v * (1 + 2 ** -23)));
    }),
  },
  {
    name: "∞ is clamped to the largest number",
    caughtBy: "non-finite › f32: doubling overflows in row 129, and every row before is right",
    create: after("solve", ({ out }) => {
      out.data.forEach((v, at) => (out.data[at] = v === Infinity ? 3.4e38 : v));
    }),
  },
  {
    name: "λ = 0 is taken for 1",
    caughtBy: "non-finite › f32: λ = 0, −0 and subnormal",
    create: wrongly("solve", ({ diag }) => ({ diag: like(diag!, (v) => (v === 0 ? 1 : v)) })),
  },
  {
    name: "the inverse's upper triangle is not written",
    caughtBy: "inverse › f32: every awkward size",
    create: withKernels({
      inverse: (p) => {
        const before = p.out.data.slice();
        plainKernels.inverse(p);
        p.out.data.forEach((_, at) => {
          if (at % p.n > rowOf(p.out, at)) p.out.data[at] = before[at]!;
        });
      },
    }),
  },
  {
    name: "the upper triangle of a block is multiplied by 0 instead of not read",
    caughtBy: "trilInverse › f32: every family and block size",
    create: withKernels({
      trilInverse: (p) => {
        plainKernels.trilInverse(p);
        const masked = (x: number, mask: number): number => x * mask;
        const rest = p.c > 1 ? masked(p.a.data[1]!, 0) : 0;
        p.out.data.forEach((v, at) => (p.out.data[at] = v + rest));
      },
    }),
  },
  {
    name: "every solve leaks a tensor",
    caughtBy: "solve › f32: every awkward size",
    create: () => {
      const backend = new FaultyBackend();
      const leak = (p: SolveParams<HostTensor>): void => {
        plainKernels.solve(p);
        backend.empty([1, 1, 1]);
      };
      backend.kernels = { ...plainKernels, solve: leak };
      return backend;
    },
  },
];

/** One fault per suite that no other suite finds. */
export const lonelyFaults: Readonly<Record<string, Fault>> = {
  solve: {
    name: "solve: 8 bits for a column, so the 257th is the first",
    caughtBy: "solve › f32: every awkward size",
    budget: { maxWork: 2 ** 17 },
    create: after("solve", ({ out, p }) => {
      out.data.forEach((_, at) => {
        if (at % p >= 256) out.data[at] = out.data[at - (at % p)]!;
      });
    }),
  },
  apply: {
    name: "apply: 8 bits for a column, so the 257th is the first",
    caughtBy: "apply › f32: every awkward size",
    budget: { maxWork: 2 ** 17 },
    create: after("apply", ({ out, p }) => {
      out.data.forEach((_, at) => {
        if (at % p >= 256) out.data[at] = out.data[at - (at % p)]!;
      });
    }),
  },
  inverse: {
    name: "inverse: rank past 128 is dropped",
    caughtBy: "inverse › f32: every awkward size",
    create: withKernels({
      inverse: (p) => plainKernels.inverse({ ...p, q: like(p.q, (v, at) => (at % p.r >= 128 ? 0 : v)) }),
    }),
  },
  trilInverse: {
    name: "trilInverse: 1/λ by an estimate",
    caughtBy: "trilInverse › f32: every family and block size",
    create: withKernels({
      trilInverse: (p) => {
        plainKernels.trilInverse(p);
        p.out.data.forEach((v, at) => {
          const i = rowOf(p.out, at);
          const lambda = p.a.data[at - (at % p.c) + i]!;
          if (at % p.c <= i) p.out.data[at] = v * lambda * estimate(lambda);
        });
      },
    }),
  },
  exact: {
    name: "16 bits for a batch entry",
    caughtBy: "exact › f32: 65535 to 65537 entries, 65537 of rank",
    budget: { maxN: 65537, maxWork: 2 ** 20 },
    create: after("solve", ({ out }) => {
      out.data.forEach((_, at) => {
        if (entryOf(out, at) >= 65536) out.data[at] = NaN;
      });
    }),
  },
  state: {
    name: "apply: a final state over the initial one is zeroed first",
    caughtBy: "state › f32: apply, cut anywhere",
    create: wrongly("apply", ({ state, finalState }) =>
      state !== undefined && state === finalState ? { state: undefined } : {},
    ),
  },
  gradients: {
    name: "rowDot ignores α",
    caughtBy: "gradients › f32: rowDot, any problem, any options",
    create: withKernels({ rowDot: (p) => plainKernels.rowDot({ ...p, alpha: 1 }) }),
  },
  views: {
    name: "upload takes every column stride for 1",
    caughtBy: "views › f32: strided, offset, reversed, broadcast",
    create: of(
      class extends FaultyBackend {
        override upload(view: HostView): HostTensor {
          const t = super.upload(view);
          const [batch, row, column] = view.strides ?? [0, 0, 1];
          if (column <= 1 || t.shape[2] < 2) return t;
          t.data.set(super.upload({ ...view, strides: [batch, row, 1] }).data);
          this.ledger.count(-1, t.data.byteLength);
          return t;
        }
      },
    ),
  },
  "in place": {
    name: "solve with trans clears out before it reads b",
    caughtBy: "in place › f32: solve over b, state over state",
    create: wrongly("solve", ({ trans, out, b }) => {
      if (trans) out.data.fill(0);
      return { b };
    }),
  },
  "non-finite": {
    name: "a mask that multiplies by 0 carries NaN to the rows before it",
    caughtBy: "non-finite › f32: solve, a NaN or ∞ anywhere",
    create: after("solve", ({ out, p }) => {
      const rows = 16 * p;
      for (let at = 0; at < out.data.length; at += rows) {
        const chunk = out.data.subarray(at, at + rows);
        if (chunk.some(Number.isNaN)) chunk.fill(NaN);
      }
    }),
  },
  determinism: {
    name: "all but the first backend sum in another order",
    caughtBy: "determinism › f32: on another backend",
    /** A new count for every run. */
    get create() {
      let made = 0;
      return () => {
        const odd = made++ > 0;
        return after("solve", ({ out }) => {
          // Sums of few bits are the same in every order.
          const spoil = (v: number): number => (Number.isInteger(v * 64) ? v : v * (1 + 2 ** -23));
          if (odd) out.data.forEach((v, at) => (out.data[at] = spoil(v)));
        })();
      };
    },
  },
  order: {
    name: "a read sees what is there when it runs, not when it was asked for",
    caughtBy: "order › a read is a snapshot",
    create: of(
      class extends FaultyBackend {
        override async read(t: HostTensor): Promise<FloatArray> {
          await super.read(t); // every check, and then too late
          return t.data.slice();
        }
      },
    ),
  },
  lifetime: {
    name: "a disposed backend still makes tensors",
    caughtBy: "lifetime › a disposed backend refuses everything",
    create: of(
      class extends FaultyBackend {
        override empty(shape: Shape, dtype: Dtype = "f32"): HostTensor {
          if (!this.disposed) return super.empty(shape, dtype);
          return { shape, dtype, data: newFloatArray(dtype, elementCount(shape)) } as unknown as HostTensor;
        }
      },
    ),
  },
  "bad input": {
    name: "read takes another backend's tensor",
    caughtBy: "bad input › tensors: disposed, foreign, none at all",
    create: of(
      class extends FaultyBackend {
        override async read(t: HostTensor): Promise<FloatArray> {
          return t.backend instanceof PlainBackend && !t.disposed && !this.disposed
            ? t.data.slice()
            : super.read(t);
        }
      },
    ),
  },
  supports: {
    name: "empty does not default to the first dtype",
    caughtBy: "supports › dtypes",
    create: of(
      class extends FaultyBackend {
        override supports: Supports = { ...new PlainBackend().supports };
        override empty(shape: Shape, dtype: Dtype = "f64"): HostTensor {
          return super.empty(shape, dtype);
        }
      },
    ),
  },
};

/** Faults of what lies around the kernels. */
const ownerFaults: Fault[] = [
  {
    name: "upload ignores the offset",
    caughtBy: "views › f32: strided, offset, reversed, broadcast",
    create: of(
      class extends FaultyBackend {
        override upload(view: HostView): HostTensor {
          return super.upload(view.strides ? view : { ...view, offset: 0 });
        }
      },
    ),
  },
  {
    name: "read gives the memory itself",
    caughtBy: "views › f32: upload and read copy",
    create: of(
      class extends FaultyBackend {
        override async read(t: HostTensor): Promise<FloatArray> {
          await super.read(t);
          return t.data;
        }
      },
    ),
  },
  {
    name: "every access names another storage, so that aliases are not found",
    caughtBy: "bad input › options and aliases",
    create: of(
      class extends FaultyBackend {
        protected override own(shape: Shape, dtype: Dtype): HostTensor {
          return Object.defineProperty(super.own(shape, dtype), "storage", { get: () => ({}) });
        }
      },
    ),
  },
  {
    name: "a refused upload is counted",
    caughtBy: "bad input › views",
    create: of(
      class extends FaultyBackend {
        override upload(view: HostView): HostTensor {
          this.ledger.assertOpen();
          this.ledger.count(1, 0);
          const t = super.upload(view);
          this.ledger.count(-1, 0);
          return t;
        }
      },
    ),
  },
  {
    name: "allocations are not checked",
    caughtBy: "bad input › allocations",
    create: of(
      class extends FaultyBackend {
        override empty(shape: Shape, dtype: Dtype = "f32"): HostTensor {
          this.ledger.assertOpen();
          return this.own(shape, dtype);
        }
      },
    ),
  },
  {
    name: "memory() misses a disposal",
    caughtBy: "lifetime › memory() counts what lives",
    create: of(
      class extends FaultyBackend {
        override memory(): { tensors: number; bytes: number } {
          const { tensors, bytes } = super.memory();
          return { tensors: Math.max(tensors, 1), bytes };
        }
      },
    ),
  },
  {
    name: "claims f64, and makes f32",
    caughtBy: "supports › dtypes",
    create: of(
      class extends FaultyBackend {
        override supports: Supports = { ...new PlainBackend().supports };
        protected override own(shape: Shape): HostTensor {
          return super.own(shape, "f32");
        }
      },
    ),
  },
];

export const faults: readonly Fault[] = [...kernelFaults, ...ownerFaults, ...Object.values(lonelyFaults)];
