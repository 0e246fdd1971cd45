import type { Dtype } from "@dlrt/core";
import type { PlainBackend } from "../../examples/plain-backend.js";
import { withKernels, type Fault } from "./faulty.js";
import { roundingKernels, type Carelessness } from "./rounding-kernels.js";

/** Faults in how sums are taken: each care is left out alone. Each has the case in which it shows. */
export const sumFaults: readonly Fault[] = (
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

/** Makes a backend without a fault: every operation is rounded, and every care is taken. */
export const careful = (dtype: Dtype): (() => PlainBackend) => withKernels(roundingKernels({}), dtype);
