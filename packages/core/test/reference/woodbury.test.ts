import { expect, test } from "vitest";
import { dense, identity, materializeUnmasked, matmul, woodburyInverse } from "../../src/reference/index.js";
import { deltaNet, maxAbs, minus } from "./problems.js";
import { Random } from "../../../../tooling/random.mjs";

test.each([
  [1, 1],
  [16, 0],
  [17, 3],
  [65, 5],
])("Woodbury inverts Λ + QKᵀ, n = %i, r = %i", (n, r) => {
  const op = deltaNet(new Random(n), n, r);
  const x = woodburyInverse(op);
  const product = matmul(x, materializeUnmasked(op), [n, n, n]);
  expect(maxAbs(minus(product, identity(n)))).toBeLessThanOrEqual(1e-13 * maxAbs(x));
});

test("the r×r matrix in the middle may need a pivot", () => {
  // I + KᵀΛ⁻¹Q = [[0, 1], [1, 0]]
  const op = { n: 2, r: 2, diag: Float64Array.of(1, 1), q: Float64Array.of(-1, 1, 1, -1), k: identity(2) };
  const product = matmul(woodburyInverse(op), materializeUnmasked(op), [2, 2, 2]);
  expect([...product]).toEqual([1, 0, 0, 1]);
});

test("the mask takes it away: the same formula is no inverse of Λ + tril(QKᵀ, −1)", () => {
  const [n, r] = [17, 3];
  const op = deltaNet(new Random(n), n, r);
  const product = matmul(woodburyInverse(op), dense.materialize(op), [n, n, n]);
  expect(maxAbs(minus(product, identity(n)))).toBeGreaterThan(0.1);
});

test("the mask takes it away: T⁻¹ is no diagonal plus masked rank 1, though T is", () => {
  // In a masked matrix of rank 1, u_i v_{i−1} = −1 for every i and yet u_i v_{i−2} = 0. No vectors u and v do that.
  const n = 6;
  const ones = new Float64Array(n).fill(1);
  const x = dense.inverse({ n, r: 1, diag: ones, q: ones, k: ones });
  for (let i = 2; i < n; i++) expect([...x.subarray(i * n + i - 2, i * n + i + 1)]).toEqual([-0, -1, 1]);
});
