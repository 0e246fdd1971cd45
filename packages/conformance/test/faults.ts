/** A right backend with one thing wrong. Each fault is one that was made somewhere, or that a port invites. */
import {
  elementCount,
  newFloatArray,
  type Dtype,
  type FloatArray,
  type HostTensor,
  type HostView,
  type Shape,
  type Supports,
} from "@dlrt/core";
import { readView, type SolveParams } from "@dlrt/core/backend";
import { recurrent } from "@dlrt/core/reference";
import { PlainBackend, plainKernels } from "../examples/plain-backend.js";
import { decayFaults, layoutFaults, sharedHeadAdvanced } from "./decay-faults.js";
import {
  after,
  alone,
  entryOf,
  FaultyBackend,
  like,
  of,
  rowOf,
  withKernels,
  wrongly,
  type Fault,
} from "./faulty.js";
import { roundingKernels, type Carelessness } from "./rounding-kernels.js";

/** 20 bits, and exact for powers of two: a reciprocal estimate without its Newton step. */
function estimate(x: number): number {
  const scale = 2 ** Math.floor(Math.log2(Math.abs(x)));
  return (1 / scale) * (Math.round((scale / x) * 2 ** 20) / 2 ** 20);
}

/** What sums lose: each care left out alone, and the case in which it shows. */
const sumFaults: readonly Fault[] = (
  [
    ["sums over r are one chain", "sums of one large product and many tiny ones", { chainOverRank: true }],
    ["a chunk's rows are one chain", "sums of one large row and many tiny ones", { chainOverRows: true }],
    [
      "a state of 64-row chunks, as of a scan or of prefixes, forgets what its roundings took",
      "sums of a large state and many tiny rows",
      { forgetful: true },
    ],
    [
      "a state of 16-row chunks forgets what its roundings took",
      "sums of a large state and many tiny rows",
      { forgetful: true, chunk: 16 },
    ],
    [
      "a state that takes row by row forgets what its roundings took",
      "long sums of one sign",
      { forgetful: true, chunk: 1 },
    ],
  ] as const satisfies readonly (readonly [string, string, Carelessness])[]
).flatMap(([what, found, careless]) =>
  (["f32", "f64"] as const).flatMap((dtype) =>
    (["solve", "apply"] as const).map((verb) => ({
      name: `${verb}, ${dtype}: ${what}`,
      caughtBy: `${verb} › ${dtype}: ${found}`,
      budget: { maxN: 65537, maxWork: 2 ** 17 },
      create: withKernels({ [verb]: roundingKernels(careless)[verb] }, dtype),
    })),
  ),
);

/** No fault at all: every operation rounded, every care taken. */
export const careful = (dtype: Dtype): (() => PlainBackend) => withKernels(roundingKernels({}), dtype);

/** Faults that come late: beyond a thousand rows, a rank of 300, 64 batch entries, or in one tail alone. */
const lateFaults: Fault[] = [
  {
    name: "the last column is dropped where p mod 8 is 7 and n > 1000",
    caughtBy: "apply › f32: every awkward size",
    budget: { maxN: 1100, maxWork: 2 ** 15 },
    create: after("apply", ({ out, n, p }) => {
      if (n > 1000 && p % 8 === 7) out.data.forEach((_, at) => at % p === p - 1 && (out.data[at] = 0));
    }),
  },
  {
    name: "1/λ in f32 inside f64 where |λ| > 64",
    caughtBy: "solve › f64: every family at n = 1000",
    create: wrongly(
      "solve",
      ({ diag }) => ({ diag: like(diag!, (v) => (Math.abs(v) > 64 ? 1 / Math.fround(1 / v) : v)) }),
      "f64",
    ),
  },
  {
    name: "the inverse's state misses 64 rows where n > 1024",
    caughtBy: "exact › f32: inverse of 1100 rows",
    budget: { maxN: 1100, maxWork: 2 ** 21 },
    create: withKernels({
      inverse: ({ n, r, op: { diag, q, k }, out }) => {
        const [lambda, f, g] = [diag, q, k].map((t) => Float64Array.from(readView(t)));
        if (n > 1024) g!.fill(0, 512 * r, 576 * r);
        out.data.set(recurrent.inverse({ n, r, diag: lambda!, q: f!, k: g! }));
      },
    }),
  },
  {
    name: "rowDot's last columns are multiplied in f32, in f64",
    caughtBy: "gradients › f64: rowDot, every length of a row",
    create: withKernels(
      {
        rowDot: (p) =>
          plainKernels.rowDot({
            ...p,
            x: like(p.x, (v, at) => (at % p.p >= p.p - (p.p % 4) ? Math.fround(v) : v)),
          }),
      },
      "f64",
    ),
  },
  {
    name: "the last row of Z is not updated where r > 300",
    caughtBy: "apply › f32: every awkward size",
    budget: { maxWork: 2 ** 19 },
    create: wrongly("apply", ({ k, q, trans, r }) =>
      r > 300 ? { [trans ? "q" : "k"]: like(trans ? q : k, (v, at) => (at % r === r - 1 ? 0 : v)) } : {},
    ),
  },
  {
    name: "the state is lost where r > 1024",
    caughtBy: "solve › f32: every awkward size",
    budget: { maxWork: 2 ** 19 },
    create: wrongly("solve", ({ r }) => (r > 1024 ? { state: undefined } : {})),
  },
  {
    name: "the final state is not written where batch > 64",
    caughtBy: "solve › f32: every awkward size",
    create: wrongly("solve", ({ batch }) => (batch > 64 ? { finalState: undefined } : {})),
  },
  {
    name: "with 57 to 63 rows left, the transposed solve divides by the λ of the chunk before",
    caughtBy: "solve › f32: every number of rows after a chunk",
    create: wrongly("solve", ({ diag, n, trans }) =>
      trans && n > 64 && n % 64 >= 57
        ? { diag: like(diag!, (_, at) => diag!.data[at < 5 ? at + 64 : at]!) }
        : {},
    ),
  },
  {
    name: "subnormal λ are taken for 0, and nobody was told",
    caughtBy: "non-finite › f32: subnormal λ counts, or is declared not to",
    create: wrongly("solve", ({ diag }) => ({
      diag: like(diag!, (v) => (Math.abs(v) < 2 ** -126 ? 0 : v)),
    })),
  },
];

/** Faults in kernels. */
const kernelFaults: Fault[] = [
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
      inverse: (p) => {
        const q = like(p.op.q, (v, at) => (at % p.r >= 128 ? 0 : v));
        plainKernels.inverse({ ...p, op: { ...p.op, q } });
      },
    }),
  },
  trilInverse: {
    name: "trilInverse: 1/λ by an estimate",
    caughtBy: "trilInverse › f32: every family and block size",
    create: withKernels({
      trilInverse: (p) => {
        plainKernels.trilInverse(p);
        const a = readView(p.a);
        const off = like(p.out, (v, at) => {
          const i = rowOf(p.out, at);
          const lambda = a[at - (at % p.c) + i]!;
          return at % p.c <= i ? v * lambda * estimate(lambda) : v;
        });
        const { batch, c, out } = p;
        plainKernels.copy({ batch, rows: c, cols: c, alpha: 1, trans: false, x: off, out });
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
    create: wrongly("solve", ({ trans, batch, n, p, out, b }) => {
      const size = { batch, rows: n, cols: p };
      if (trans) plainKernels.copy({ ...size, alpha: 1, trans: false, x: like(out, () => 0), out });
      return { b };
    }),
  },
  layouts: sharedHeadAdvanced,
  "non-finite": {
    name: "a mask that multiplies by 0 carries NaN to the rows before it",
    caughtBy: "non-finite › f32: solve, a NaN or ∞ anywhere",
    create: after("solve", ({ out, p }) => {
      if (!alone(out)) return;
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
          return readView(t);
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
            ? readView(t)
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

export const faults: readonly Fault[] = [
  ...kernelFaults,
  ...sumFaults,
  ...lateFaults,
  ...ownerFaults,
  ...decayFaults,
  ...layoutFaults,
  ...Object.values(lonelyFaults),
];
