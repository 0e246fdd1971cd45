import { describe, expect, test } from "vitest";
import {
  dense,
  omega,
  omegaApply,
  omegaInverse,
  omegaState,
  omegaTrilInverse,
} from "../../src/reference/index.js";
import { deltaNet, EPSILON, exact, general, inverses, LIMIT, sizes, ways, widths } from "./problems.js";
import { Random } from "../../../../tooling/random.mjs";

const alpha = -0.5;

describe.each(ways)("%s keeps ω ≤ 16 ε", (_, { solve, apply }) => {
  test.each([
    ["general", general],
    ["deltaNet", deltaNet],
  ] as const)("%s, all sizes", { timeout: 60_000 }, (family, make) => {
    const random = new Random(family.length);
    for (const n of sizes) {
      for (const r of widths) {
        for (const p of widths) {
          const op = make(random, n, r);
          const b = random.normals(n * p);
          for (const trans of [false, true]) {
            for (const state of [undefined, random.normals(r * p)]) {
              const at = JSON.stringify({ n, r, p, trans, state: state !== undefined });
              const options = { trans, initialState: state, alpha };
              const solved = solve(op, b, p, options);
              expect(omega(op, solved.y, b, p, options), at).toBeLessThanOrEqual(LIMIT);
              const carried = { trans, initialState: state, xScale: alpha };
              expect(omegaState(op, solved.finalState, solved.y, p, carried), at).toBeLessThanOrEqual(LIMIT);
              const applied = apply(op, b, p, options);
              expect(omegaApply(op, applied.y, b, p, options), at).toBeLessThanOrEqual(LIMIT);
              expect(omegaState(op, applied.finalState, b, p, options), at).toBeLessThanOrEqual(LIMIT);
            }
          }
        }
      }
    }
  });

  test("and agrees with the dense definition to the last bit where nothing rounds", () => {
    const random = new Random(3);
    const p = 3;
    for (const n of sizes) {
      const op = exact(random, n, 5);
      const b = Float64Array.from({ length: n * p }, () => random.integer(-4, 4));
      const initialState = Float64Array.from({ length: 5 * p }, () => random.integer(-4, 4));
      for (const options of [
        { alpha },
        { alpha, initialState },
        { alpha, trans: true },
        { alpha, trans: true, initialState },
      ]) {
        expectSame(solve(op, b, p, options), dense.solve(op, b, p, options));
        expectSame(apply(op, b, p, options), dense.apply(op, b, p, options));
      }
    }
  });
});

describe.each(inverses)("inverse, %s", (_, inverse) => {
  test.each([
    ["general", general],
    ["deltaNet", deltaNet],
  ] as const)("%s: within 16 ε of the others, beside |X||T||X|", (family, make) => {
    const random = new Random(family.length);
    for (const n of sizes) {
      for (const r of widths) {
        const op = make(random, n, r);
        expect(omegaInverse(op, inverse(op)), `n ${n}, r ${r}`).toBeLessThanOrEqual(LIMIT);
      }
    }
  });
});

test("the 2×2 block identity inverts small blocks within 4 ε", () => {
  const random = new Random(8);
  for (const c of [1, 2, 3, 15, 16, 17, 63, 64, 65, 128]) {
    const a = random.normals(c * c, 1 / Math.sqrt(c));
    for (let i = 0; i < c; i++) a[i * c + i] = 1;
    expect(omegaTrilInverse(a, dense.trilInverse(a, c), c), `c = ${c}`).toBeLessThanOrEqual(4 * EPSILON);
    expect(omegaTrilInverse(a, dense.blockInverse(a, c), c), `c = ${c}`).toBeLessThanOrEqual(4 * EPSILON);
  }
});

interface Result {
  readonly y: Float64Array;
  readonly finalState: Float64Array;
}

/** Expects the same numbers of both; 0 and −0 count as one. */
function expectSame(got: Result, want: Result): void {
  expect(got.y.map((x) => x + 0)).toEqual(want.y.map((x) => x + 0));
  expect(got.finalState.map((x) => x + 0)).toEqual(want.finalState.map((x) => x + 0));
}
