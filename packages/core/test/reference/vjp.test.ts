import { describe, expect, test } from "vitest";
import {
  applyVjp,
  dense,
  inverseVjp,
  recurrent,
  solveVjp,
  type ReferenceOperator,
} from "../../src/reference/index.js";
import { centralDifferences, general, maxAbs, minus } from "./problems.js";
import { Random } from "../../../../tooling/random.mjs";

const numeric = (x: Float64Array, loss: (x: Float64Array) => number): Float64Array =>
  centralDifferences(x, loss, 2 ** -10);

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, x, at) => sum + x * b[at]!, 0);
}

function expectClose(got: Float64Array, want: Float64Array, name: string): void {
  expect(got.length, name).toBe(want.length);
  expect(maxAbs(minus(got, want)), name).toBeLessThanOrEqual(1e-9 * (1 + maxAbs(want)));
}

/** Compares λ̄, Q̄ and K̄ with differences of `loss`. */
function expectOperatorGradients(
  got: { diag: Float64Array; q: Float64Array; k: Float64Array },
  op: ReferenceOperator,
  loss: (op: ReferenceOperator) => number,
): void {
  const diag = op.diag ?? new Float64Array(op.n);
  expectClose(
    got.diag,
    numeric(diag, (x) => loss({ ...op, diag: x })),
    "λ̄",
  );
  expectClose(
    got.q,
    numeric(op.q, (x) => loss({ ...op, q: x })),
    "Q̄",
  );
  expectClose(
    got.k,
    numeric(op.k, (x) => loss({ ...op, k: x })),
    "K̄",
  );
}

const cases = [false, true].flatMap((trans) =>
  [1, -0.7].flatMap((alpha) =>
    [false, true].flatMap((initial) => [false, true].map((final) => ({ trans, alpha, initial, final }))),
  ),
);

describe.each([
  { n: 1, r: 1, p: 1 },
  { n: 5, r: 2, p: 3 },
  { n: 4, r: 3, p: 1 },
  { n: 3, r: 0, p: 2 },
])("gradients against central differences, n = $n, r = $r, p = $p", ({ n, r, p }) => {
  const random = new Random(n + 10 * r + 100 * p);
  const op = general(random, n, r);
  const b = random.normals(n * p);
  const yBar = random.normals(n * p);
  const z0 = random.normals(r * p);
  const zBar = random.normals(r * p);

  test.each(cases)("solve: trans $trans, alpha $alpha, Z₀ $initial, Z̄_f $final", (c) => {
    const { trans, alpha } = c;
    const loss = (a: ReferenceOperator, rhs: Float64Array, z: Float64Array) => {
      const { y, finalState: state } = recurrent.solve(a, rhs, p, {
        trans,
        alpha,
        initialState: c.initial ? z : undefined,
      });
      return dot(yBar, y) + (c.final ? dot(zBar, state) : 0);
    };
    const got = solveVjp(op, b, p, yBar, {
      trans,
      alpha,
      initialState: c.initial ? z0 : undefined,
      finalStateCotangent: c.final ? zBar : undefined,
    });
    expectOperatorGradients(got, op, (a) => loss(a, b, z0));
    expectClose(
      got.b,
      numeric(b, (x) => loss(op, x, z0)),
      "B̄",
    );
    if (c.initial)
      expectClose(
        got.initialState,
        numeric(z0, (z) => loss(op, b, z)),
        "Z̄₀",
      );
  });

  test.each(cases)("apply: trans $trans, alpha $alpha, Z₀ $initial, Z̄_f $final", (c) => {
    const { trans, alpha } = c;
    const loss = (a: ReferenceOperator, x: Float64Array, z: Float64Array) => {
      const { y, finalState: state } = recurrent.apply(a, x, p, {
        trans,
        alpha,
        initialState: c.initial ? z : undefined,
      });
      return dot(yBar, y) + (c.final ? dot(zBar, state) : 0);
    };
    const got = applyVjp(op, b, p, yBar, {
      trans,
      alpha,
      initialState: c.initial ? z0 : undefined,
      finalStateCotangent: c.final ? zBar : undefined,
    });
    expectOperatorGradients(got, op, (a) => loss(a, b, z0));
    expectClose(
      got.x,
      numeric(b, (x) => loss(op, x, z0)),
      "X̄",
    );
    if (c.initial)
      expectClose(
        got.initialState,
        numeric(z0, (z) => loss(op, b, z)),
        "Z̄₀",
      );
  });

  test("inverse; the upper triangle of the cotangent has no effect", () => {
    const cotangent = random.normals(n * n);
    const got = inverseVjp(op, cotangent);
    expectOperatorGradients(got, op, (a) => dot(cotangent, recurrent.inverse(a)));
    const upper = cotangent.map((x, at) => (at % n > Math.floor(at / n) ? 100 * x : x));
    expectOperatorGradients(inverseVjp(op, upper), op, (a) => dot(cotangent, recurrent.inverse(a)));
  });

  test("apply without Λ has the gradient at Λ = 0", () => {
    const { diag: _, ...masked } = op;
    const got = applyVjp(masked, b, p, yBar);
    expectOperatorGradients(got, masked, (a) => dot(yBar, dense.apply(a, b, p).y));
  });
});
