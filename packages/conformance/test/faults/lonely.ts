/** Faults that one suite alone finds. */
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
import { readView } from "@dlrt/core/backend";
import { PlainBackend, plainKernels } from "../../examples/plain-backend.js";
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
import { sharedHeadAdvanced } from "./layouts.js";

/** Returns 1/x to 20 bits, and exactly for powers of two: what an estimate of a reciprocal gives before its Newton step. */
function estimate(x: number): number {
  const scale = 2 ** Math.floor(Math.log2(Math.abs(x)));
  return (1 / scale) * (Math.round((scale / x) * 2 ** 20) / 2 ** 20);
}

/** Has, by the name of a suite, a fault that no other suite finds. */
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
    /** Every run gets a count of its own, so that each has a first backend. */
    get create() {
      let made = 0;
      return () => {
        const odd = made++ > 0;
        return after("solve", ({ out }) => {
          // Sums of few bits are the same in every order, so whole multiples of 1/64 stay as they are.
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
          await super.read(t); // makes every check, and lets time pass
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
