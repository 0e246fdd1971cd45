/**
 * Problems of the exact class: every g is 0 or −∞, and all other numbers are small whole numbers and powers of 2.
 * Nothing rounds in them, so every way to compute them must give the same bits, which are those of the recurrence.
 */
import { apply, inverse, solve, type Dtype, type HostTensor } from "@dlrt/core";
import { recurrent, type ReferenceOperator } from "@dlrt/core/reference";
import { describe, expect, it } from "vitest";
import { createJsBackend } from "../src/index.js";
import { firstDifference } from "./kernels/problems.js";
import { randomFrom } from "../../../tooling/random.mjs";

const [n, r, p] = [150, 6, 5];
const backend = createJsBackend();

/** Makes a problem whose Q and K are mostly 0: few terms meet in a sum, so that all sums stay small enough to be exact. */
function problem(kind: "row" | "channel", resets: number) {
  const random = randomFrom(3);
  const fill = (count: number, f: (at: number) => number): Float64Array =>
    Float64Array.from({ length: count }, (_, at) => f(at));
  const sign = (): number => (random() < 0 ? -1 : 1);
  const exact: ReferenceOperator = {
    n,
    r,
    diag: fill(n, (i) => [1, -1, 2, 0.5][i % 4]!),
    q: fill(n * r, (at) => (random() < -0.5 ? sign() * (at % 2) : 0)),
    k: fill(n * r, () => (random() < -0.9 ? sign() : 0)),
    decay: fill(n * (kind === "row" ? 1 : r), () => (random() < 2 * resets - 1 ? -Infinity : 0)),
  };
  const b = fill(n * p, () => Math.round(2 * random()));
  const state = fill(r * p, () => Math.round(2 * random()));
  return { exact, b, state };
}

// Adding 0 turns −0 into 0: the order in which a sum is taken may decide the sign of a zero, and nothing else.
const plus = (of: Iterable<number>): Float64Array => Float64Array.from(of, (value) => value + 0);

describe.each(["f32", "f64"] as Dtype[])("%s", (dtype) => {
  const put = (data: Float64Array, rows: number): HostTensor =>
    backend.upload({
      data: dtype === "f32" ? Float32Array.from(data) : data,
      shape: [1, rows, data.length / rows],
    });

  it.each(
    (["row", "channel"] as const).flatMap((kind) =>
      [0, 0.1, 0.5, 1].map((resets) => [kind, resets] as const),
    ),
  )("per %s, one gap in %f a reset", (kind, resets) => {
    const { exact, b, state } = problem(kind, resets);
    const op = {
      diag: put(exact.diag!, n),
      q: put(exact.q, n),
      k: put(exact.k, n),
      decay: put(exact.decay!, n),
    };
    for (const trans of [false, true]) {
      for (const chunk of [undefined, 1, 4, 32]) {
        for (const [verb, method] of [
          [apply, recurrent.apply],
          [solve, recurrent.solve],
        ] as const) {
          const finalState = backend.empty([1, r, p], dtype);
          const got = verb(backend, op, put(b, n), {
            ...{ trans, chunk, finalState },
            initialState: put(state, r),
          });
          const want = method(exact, b, p, { trans, initialState: state });
          expect(Math.max(...want.y.map(Math.abs))).toBeLessThan(2 ** 18);
          expect(firstDifference(plus(got.data), plus(want.y))).toBe(-1);
          expect(firstDifference(plus(finalState.data), plus(want.finalState))).toBe(-1);
        }
      }
    }
    const want = recurrent.inverse(exact);
    expect(firstDifference(plus(inverse(backend, op).data), plus(want))).toBe(-1);
  });
});
