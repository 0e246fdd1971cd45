import type { Dtype, HostTensor } from "@dlrt/core";
import { describe, expect, it } from "vitest";
import { jsKernels } from "../../src/kernels/index.js";
import { firstDifference, problem, tensor, type Problem } from "./problems.js";

/** Returns the number of rows to run: more for `inverse`, which then works in blocks. */
const rowsOf = (kernel: string): number => (kernel === "inverse" ? 140 : 45);
const p = 6;

interface Decaying extends Problem {
  readonly decay: HostTensor | undefined;
}

type Kind = "none" | "row" | "channel";

function make(n: number, r: number, dtype: Dtype, kind: Kind): Decaying {
  const columns = kind === "row" ? 1 : r;
  const decay = kind === "none" ? undefined : tensor([1, n, columns], dtype, (at) => -0.1 * (1 + (at % 7)));
  return { ...problem([1, n, r, p], dtype), decay };
}

/** Runs a kernel and returns what it wrote. */
function run(op: Decaying, kernel: "solve" | "apply" | "inverse", trans: boolean) {
  const { batch, n, r, dtype, diag, q, k, b, decay } = op;
  const sizes = { batch, n, r, op: { diag, q, k, decay } };
  if (kernel === "inverse") {
    const out = tensor([batch, n, n], dtype);
    jsKernels.inverse({ ...sizes, p: n, out });
    return out;
  }
  const out = tensor([batch, n, p], dtype);
  if (kernel === "solve") jsKernels.solve({ ...sizes, p, b, out, trans, alpha: 1 });
  else jsKernels.apply({ ...sizes, p, x: b, out, trans, alpha: 1, decayOn: "rank" });
  return out;
}

const cases = (["solve", "apply", "inverse"] as const).flatMap((kernel) =>
  [false, true]
    .filter((trans) => !(trans && kernel === "inverse"))
    .flatMap((trans) => (["f32", "f64"] as Dtype[]).map((dtype) => ({ kernel, trans, dtype })))
    .flatMap((of) => (["none", "row", "channel"] as const).map((kind) => ({ ...of, kind }))),
);

describe.each(cases)("$kernel $dtype, trans $trans, decay $kind", ({ kernel, trans, dtype, kind }) => {
  const slots = ["diag", "q", "k", "b", ...(kind === "none" ? [] : (["decay"] as const))] as const;
  // A rank of 23 is worked through in tiles of six and of four columns, and a row of Q ends within a tile.
  it.each(slots.flatMap((slot) => [[slot, 5] as const, [slot, 23] as const]))(
    "NaN or Inf in a row of %s leaves the rows before as they are, r %i",
    (slot, r) => {
      const n = rowsOf(kernel);
      const before = run(make(n, r, dtype, kind), kernel, trans);
      const cols = before.shape[2];
      for (const row of [0, 1, 14, 16, 19, 31, 44, 63, 64, 139].filter((at) => at < n)) {
        for (const bad of [NaN, Infinity, -Infinity]) {
          const op = make(n, r, dtype, kind);
          const operand = op[slot]!;
          const width = operand.shape[2];
          operand.data.fill(bad, row * width, (row + 1) * width);
          const after = run(op, kernel, trans);
          const [from, to] = trans ? [(row + 1) * cols, n * cols] : [0, row * cols];
          expect(firstDifference(after.data, before.data, from, to)).toBe(-1);
          if (slot === (trans ? "k" : "q") || slot === "diag" || slot === "b") {
            const here = after.data.subarray(row * cols, (row + 1) * cols);
            const reached = kernel !== "inverse" || slot === "diag" || (slot === "q" && row > 0);
            if (Number.isNaN(bad) && reached) expect(here.some(Number.isNaN)).toBe(true);
          }
        }
      }
    },
  );
});
