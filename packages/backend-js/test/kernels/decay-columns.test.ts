import type { Dtype } from "@dlrt/core";
import { gate, omegaApply, omegaState, type ReferenceOperator } from "@dlrt/core/reference";
import { unitRoundoff } from "@dlrt/core";
import { describe, expect, it } from "vitest";
import { apply } from "../../src/kernels/apply.js";
import { gates } from "../gates.js";
import { entry, tensor } from "./problems.js";
import { randomFrom } from "../../../../tooling/random.mjs";

/** Returns column j of an array of rows of p elements. */
const column = (a: Float64Array, p: number, j: number): Float64Array => a.filter((_, at) => at % p === j);

describe.each(["f32", "f64"] as Dtype[])("apply %s with decay along columns", (dtype) => {
  it.each(gates.map((decay) => [decay.name, decay] as const))(
    "%s: each column is an apply with one number a row",
    (_, decay) => {
      const sizes: [n: number, r: number, p: number][] = [[70, 5, 9]];
      // A rank of 1030 and 2100 columns are more than the kernel's scratch memory holds at once.
      if (decay.name === "typical") sizes.push([33, 1030, 2], [40, 2, 2100]);
      for (const [n, r, p] of sizes) {
        const random = randomFrom(n + r);
        const gap = decay.make();
        const gaps = tensor([1, n, p], dtype, (at) => gap(Math.floor(at / p), at % p));
        const [q, k] = [0, 1].map(() => tensor([1, n, r], dtype, () => random() / Math.sqrt(r)));
        const diag = tensor([1, n, 1], dtype, random);
        const x = tensor([1, n, p], dtype, random);
        const z = tensor([1, r, p], dtype, random);
        for (const [trans, initialState, chunk] of [
          [false, z, undefined],
          [true, z, 5],
          [true, undefined, 32],
        ] as const) {
          const [out, finalState] = [tensor([1, n, p], dtype), tensor([1, r, p], dtype)];
          const op = { diag: initialState && diag, q: q!, k: k!, decay: gaps };
          apply({
            ...{ batch: 1, n, r, p, op, x, out, trans, alpha: -3, initialState, finalState, chunk },
            decayOn: "columns",
          });
          for (let j = 0; j < p; j += p > 100 ? 83 : 1) {
            const exact: ReferenceOperator = {
              ...{ n, r, q: entry(q!, 0), k: entry(k!, 0) },
              diag: initialState && entry(diag, 0),
              decay: column(entry(gaps, 0), p, j),
            };
            const of = (t: typeof x): Float64Array => column(entry(t, 0), p, j);
            const judged = { trans, initialState: initialState && of(z), dtype };
            const limit = gate(r) * unitRoundoff[dtype];
            const error = omegaApply(exact, of(out), of(x), 1, { ...judged, alpha: -3 });
            expect(error).toBeLessThanOrEqual(limit);
            expect(omegaState(exact, of(finalState), of(x), 1, judged)).toBeLessThanOrEqual(limit);
          }
        }
      }
    },
  );
});
