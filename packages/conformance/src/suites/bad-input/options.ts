/** Wrong options, and tensors that are one and the same where they must not be. */
import { apply, inverse, solve, solveVjp, trilInverse, ValueError } from "@dlrt/core";
import type { Fixture, Wrong } from "./fixture.js";

export function wrongValues({ backend, op, rhs, out, square, dense, ...fixture }: Fixture): Wrong[] {
  const square5 = { diag: op.diag, q: fixture.factor, k: fixture.factor }; // n = r = p
  const withOption = (option: object) => () => solve(backend, op, rhs, option);
  const { diag: _, ...noLambda } = op;
  return [
    ["solve without Λ", ValueError, () => solve(backend, noLambda, rhs)],
    ["inverse without Λ", ValueError, () => inverse(backend, noLambda)],
    ["solve with α = NaN", ValueError, withOption({ alpha: NaN, out })],
    ["solve with α = ∞", ValueError, withOption({ alpha: Infinity, out })],
    ['solve with α = "1"', ValueError, withOption({ alpha: "1", out })],
    ["apply with α = −∞", ValueError, () => apply(backend, op, rhs, { alpha: -Infinity, out })],
    ["solve with chunk 0", ValueError, withOption({ chunk: 0, out })],
    ["solve with chunk 2.5", ValueError, withOption({ chunk: 2.5, out })],
    ["inverse with chunk −1", ValueError, () => inverse(backend, op, { chunk: -1, out: dense })],
    ['solve with trans "yes"', ValueError, withOption({ trans: "yes", out })],
    ["solve with check 1", ValueError, withOption({ check: 1, out })],
    ["solveVjp with α = 0", ValueError, () => solveVjp(backend, op, rhs, rhs, { alpha: 0 })],
    ["apply with out = x", ValueError, () => apply(backend, op, rhs, { out: rhs })],
    ["solve with out = q", ValueError, () => solve(backend, { ...op, q: out, k: out }, rhs, { out })],
    [
      "solve with finalState = out",
      ValueError,
      () => solve(backend, square5, square, { out: dense, finalState: dense }),
    ],
    [
      "solve with finalState = b",
      ValueError,
      () => solve(backend, square5, square, { out: dense, finalState: square }),
    ],
    [
      "solve with state = out",
      ValueError,
      () => solve(backend, square5, square, { out: dense, initialState: dense }),
    ],
    [
      "inverse with out = q",
      ValueError,
      () => inverse(backend, { diag: op.diag, q: dense, k: square }, { out: dense }),
    ],
    ["trilInverse with out = a", ValueError, () => trilInverse(backend, square, { out: square })],
    ["apply with finalState = x", ValueError, () => apply(backend, square5, dense, { finalState: dense })],
  ];
}
