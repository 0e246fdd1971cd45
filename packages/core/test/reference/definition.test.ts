import { describe, expect, test } from "vitest";
import { dense, type ReferenceOperator } from "../../src/reference/index.js";
import { inverses, ways } from "./problems.js";

// T = I + tril(Q Kᵀ, −1) is worked out by hand here. With I − tril(Q Kᵀ, −1), every number off the diagonal would change its sign.
const op: ReferenceOperator = {
  n: 3,
  r: 1,
  diag: Float64Array.of(1, 1, 1),
  q: Float64Array.of(0, 1, 1),
  k: Float64Array.of(2, 3, 0),
};

describe("the sign: T = Λ plus tril(Q Kᵀ, −1)", () => {
  test("T", () => {
    expect([...dense.materialize(op)]).toEqual([1, 0, 0, 2, 1, 0, 2, 3, 1]);
    const two = {
      n: 2,
      r: 2,
      diag: Float64Array.of(5, -4),
      q: Float64Array.of(9, 9, 1, 2),
      k: Float64Array.of(3, 4, 9, 9),
    };
    expect([...dense.materialize(two)]).toEqual([5, 0, 11, -4]);
  });

  test.each(inverses)("T⁻¹, %s", (_, inverse) => {
    expect([...inverse(op)]).toEqual([1, 0, 0, -2, 1, 0, 4, -3, 1]);
  });

  test.each(ways)("T⁻¹b, T⁻ᵀb, Tx, Tᵀx, %s", (_, { solve, apply }) => {
    const b = Float64Array.of(1, 3, 8);
    expect([...solve(op, b, 1).y]).toEqual([1, 1, 3]);
    expect([...solve(op, b, 1, { trans: true }).y]).toEqual([27, -21, 8]);
    expect([...apply(op, b, 1).y]).toEqual([1, 5, 19]);
    expect([...apply(op, b, 1, { trans: true }).y]).toEqual([23, 27, 8]);
  });

  test.each(ways)(
    "the state: −F Z₀ in solve, + F Z₀ in apply, alpha on y alone, %s",
    (_, { solve, apply }) => {
      const b = Float64Array.of(1, 3, 8);
      const options = { alpha: 2, initialState: Float64Array.of(10) };
      // b − Q Z₀ = (1, −7, −2); Kᵀy = 2·1 + 3·(−9) = −25
      expect(solve(op, b, 1, options)).toEqual({
        y: Float64Array.of(2, -18, 46),
        finalState: Float64Array.of(-15),
      });
      expect(apply(op, b, 1, options)).toEqual({
        y: Float64Array.of(2, 30, 58),
        finalState: Float64Array.of(21),
      });
      // b − K Z₀ = (−19, −27, 8): y = (−19 − 2·(y₁ + y₂), −27 − 3 y₂, 8); Qᵀy = y₁ + y₂
      const back = solve(op, b, 1, { ...options, trans: true });
      expect(back).toEqual({ y: Float64Array.of(134, -102, 16), finalState: Float64Array.of(-33) });
    },
  );

  test("log |det T| = Σ log |λᵢ|", () => {
    expect(dense.logAbsDet({ ...op, diag: Float64Array.of(-2, 0.5, Math.E) })).toBeCloseTo(1, 15);
    expect(dense.logAbsDet({ ...op, diag: undefined })).toBe(-Infinity);
    expect(dense.logAbsDet({ n: 0, r: 3, q: new Float64Array(), k: new Float64Array() })).toBe(0);
  });
});
