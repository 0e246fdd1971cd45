import { describe, expect, test } from "vitest";
import { chunkwise, dense, identity, matmul, omega, recurrent } from "../../src/reference/index.js";
import { tril, trilMatmul } from "../../src/reference/matrix.js";
import { LIMIT, maxAbs, minus } from "./problems.js";
import { Random } from "../../../../tooling/random.mjs";

// These are the two test programs of kexue.fm/archives/11072: Q, K, V = randn(n, d)/√d, Λ = I.
const [n, d, c] = [1000, 100, 200];
const random = new Random(11072);
const matrix = () => random.normals(n * d, 1 / Math.sqrt(d));
const op = { n, r: d, diag: new Float64Array(n).fill(1), q: matrix(), k: matrix() };
const v = matrix();
const t = dense.materialize(op);

// Each test takes 10⁹ operations in plain loops, which may take long on a busy machine.
describe("the seed article's programs, n = 1000, d = 100, c = 200", { timeout: 120_000 }, () => {
  test.each([
    ["chunkwise", () => chunkwise.inverse(op, { chunk: c })],
    ["recurrent", () => recurrent.inverse(op)],
    ["dense", () => dense.inverse(op)],
  ] as const)("inverse, %s: Y T ≈ I", (_, inverse) => {
    const y = inverse();
    expect(maxAbs(minus(y, tril(y, n)))).toBe(0);
    expect(maxAbs(minus(trilMatmul(y, t, n, n), identity(n)))).toBeLessThanOrEqual(1e-14 * maxAbs(y));
  });

  test.each([
    ["chunkwise", () => chunkwise.solve(op, v, d, { chunk: c })],
    ["recurrent", () => recurrent.solve(op, v, d)],
    ["dense", () => dense.solve(op, v, d)],
  ] as const)("product T⁻¹V, %s: T Y ≈ V", (_, solve) => {
    const { y } = solve();
    expect(maxAbs(minus(matmul(t, y, [n, n, d]), v))).toBeLessThanOrEqual(1e-14 * maxAbs(y));
    expect(omega(op, y, v, d)).toBeLessThanOrEqual(LIMIT);
  });
});
