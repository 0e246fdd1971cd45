import { describe, expect, test } from "vitest";
import type { ReferenceOperator } from "../../src/reference/index.js";
import { general, inverses, ways } from "./problems.js";
import { Random } from "../../../../tooling/random.mjs";

const [n, r, p] = [20, 3, 2];
const poisoned = 9;

function poison(slot: "diag" | "q" | "k" | "b", value: number) {
  const random = new Random(5);
  const op = general(random, n, r);
  const data = { ...op, diag: op.diag!, b: random.normals(n * p) };
  data[slot].fill(value, (poisoned * data[slot].length) / n, ((poisoned + 1) * data[slot].length) / n);
  return data;
}

describe.each(["diag", "q", "k", "b"] as const)("NaN and ∞ in row 9 of %s", (slot) => {
  test.each(ways)("reach no row before it, %s", (_, { solve, apply }) => {
    for (const value of [NaN, Infinity, -Infinity]) {
      const { b, ...op } = poison(slot, value);
      for (const trans of [false, true]) {
        for (const method of [solve, apply]) {
          const { y } = method(op, b, p, { trans });
          const before = trans ? y.subarray((poisoned + 1) * p) : y.subarray(0, poisoned * p);
          expect(before.every(Number.isFinite)).toBe(true);
        }
      }
    }
  });

  test.each(inverses)("reach no row before it, and nothing above the diagonal, inverse, %s", (_, inverse) => {
    const x = inverse(poison(slot, NaN));
    expect(x.subarray(0, poisoned * n).every(Number.isFinite)).toBe(true);
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(x[i * n + j]).toBe(0);
  });
});

describe.each(ways)("%s", (_, { solve }) => {
  test("growth overflows in its own row: doubling is ∞ from row 1025 on", () => {
    const size = 1030;
    const constant = (value: number) => new Float64Array(size).fill(value);
    const op: ReferenceOperator = { n: size, r: 1, diag: constant(1), q: constant(-1), k: constant(1) };
    const b = new Float64Array(size);
    b[0] = 1;
    const { y } = solve(op, b, 1);
    expect([...y.subarray(0, 4)]).toEqual([1, 1, 2, 4]);
    expect(y[1024]).toBe(2 ** 1023);
    expect([...y.subarray(1025)].some(Number.isFinite)).toBe(false);
  });

  test.each([
    [1, 0, Infinity],
    [1, -0, -Infinity],
    [0, 0, NaN],
  ])("λ = 0 divides: %d / %d = %d", (value, diag, want) => {
    const op = { n: 1, r: 0, diag: Float64Array.of(diag), q: new Float64Array(), k: new Float64Array() };
    expect([...solve(op, Float64Array.of(value), 1).y]).toEqual([want]);
  });
});
