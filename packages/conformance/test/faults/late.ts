/** Faults that show late: beyond a thousand rows, a rank of 300 or 64 batch entries, or in the rows left after the last whole chunk. */
import { readView } from "@dlrt/core/backend";
import { recurrent } from "@dlrt/core/reference";
import { plainKernels } from "../../examples/plain-backend.js";
import { after, like, withKernels, wrongly, type Fault } from "./faulty.js";

export const lateFaults: readonly Fault[] = [
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
