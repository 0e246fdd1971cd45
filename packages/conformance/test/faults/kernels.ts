/** Faults in kernels. Each is one that was made somewhere, or that porting a kernel invites. */
import type { HostTensor } from "@dlrt/core";
import type { SolveParams } from "@dlrt/core/backend";
import { plainKernels } from "../../examples/plain-backend.js";
import { after, FaultyBackend, like, rowOf, withKernels, wrongly, type Fault } from "./faulty.js";

export const kernelFaults: readonly Fault[] = [
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
