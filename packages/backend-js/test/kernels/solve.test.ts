import type { Dtype, HostTensor } from "@dlrt/core";
import type { SolveParams } from "@dlrt/core/backend";
import { omega, omegaState, recurrent } from "@dlrt/core/reference";
import { describe, expect, it } from "vitest";
import { solve } from "../../src/kernels/solve.js";
import { entry, limit, problem, referenceOperator, tensor, type Problem, type Sizes } from "./problems.js";

const sizes: Sizes[] = [
  [1, 1, 1, 1],
  [2, 15, 3, 5],
  [1, 16, 4, 4],
  [2, 17, 5, 3],
  [1, 63, 1, 7],
  [1, 65, 64, 64],
  [3, 100, 67, 61],
  [1, 40, 257, 129],
  [1, 50, 1030, 6],
  [1, 34, 2, 2100],
  [1, 33, 0, 4],
];

function run(
  op: Problem,
  options: Partial<SolveParams<HostTensor>> = {},
): { out: HostTensor; z: HostTensor } {
  const { batch, n, r, p, dtype, diag, q, k, b } = op;
  const out = tensor([batch, n, p], dtype);
  const finalState = tensor([batch, r, p], dtype);
  solve({ batch, n, r, p, op: { diag, q, k }, b, out, finalState, trans: false, alpha: 1, ...options });
  return { out: options.out ?? out, z: options.finalState ?? finalState };
}

describe.each(["f32", "f64"] as Dtype[])("solve %s", (dtype) => {
  it.each(sizes)("batch %i, n %i, r %i, p %i, both directions, with and without state", (...size) => {
    const op = problem(size, dtype);
    for (const trans of [false, true]) {
      for (const state of [undefined, op.state]) {
        const { out, z } = run(op, { trans, alpha: -0.75, initialState: state });
        const plain = run(op, { trans, initialState: state });
        for (let batch = 0; batch < op.batch; batch++) {
          const options = { trans, initialState: state && entry(state, batch) };
          const b = entry(op.b, batch);
          const reference = referenceOperator(op, batch);
          expect(
            omega(reference, entry(out, batch), b, op.p, { ...options, alpha: -0.75 }),
          ).toBeLessThanOrEqual(limit(dtype));
          const y = entry(plain.out, batch);
          expect(omega(reference, y, b, op.p, options)).toBeLessThanOrEqual(limit(dtype));
          expect(omegaState(reference, entry(z, batch), y, op.p, options)).toBeLessThanOrEqual(limit(dtype));
        }
      }
    }
  });

  it("takes any chunk, and a right-hand side that is also the output", () => {
    const op = problem([2, 75, 6, 9], dtype);
    for (const chunk of [1, 3, 8, 31, 32, 64, 1000]) {
      const b = tensor(op.b.shape, dtype, (index) => op.b.data[index]!);
      const { out } = run({ ...op, b }, { out: b, chunk, trans: chunk % 2 === 0 });
      for (let batch = 0; batch < 2; batch++) {
        const error = omega(referenceOperator(op, batch), entry(out, batch), entry(op.b, batch), 9, {
          trans: chunk % 2 === 0,
        });
        expect(error).toBeLessThanOrEqual(limit(dtype));
      }
    }
  });

  it("streams in pieces through a state that is overwritten", () => {
    const op = problem([1, 90, 7, 5], dtype);
    for (const trans of [false, true]) {
      const z = tensor([1, 7, 5], dtype, () => 0);
      const y = new Float64Array(90 * 5);
      const cuts = trans
        ? [
            [50, 90],
            [13, 50],
            [0, 13],
          ]
        : [
            [0, 37],
            [37, 38],
            [38, 90],
          ];
      for (const [from, to] of cuts as [number, number][]) {
        const cut = (t: HostTensor, cols: number) =>
          tensor([1, to - from, cols], dtype, (index) => t.data[from * cols + index]!);
        const piece = {
          ...op,
          n: to - from,
          diag: cut(op.diag, 1),
          q: cut(op.q, 7),
          k: cut(op.k, 7),
          b: cut(op.b, 5),
        };
        y.set(run(piece, { trans, initialState: z, finalState: z }).out.data, from * 5);
      }
      expect(omega(referenceOperator(op, 0), y, entry(op.b, 0), 5, { trans })).toBeLessThanOrEqual(
        limit(dtype),
      );
    }
  });

  it("copies the state where there are no rows", () => {
    const op = problem([2, 0, 3, 4], dtype);
    expect(run(op, { initialState: op.state }).z.data).toEqual(op.state.data);
    expect(run(op).z.data.every((value) => value === 0)).toBe(true);
  });

  it("is exact where every sum is", () => {
    const op = problem([1, 200, 9, 6], dtype);
    const exact = {
      ...op,
      diag: tensor(op.diag.shape, dtype, (i) => (i % 3 === 0 ? -1 : 1)),
      q: tensor(op.q.shape, dtype, (i) => (i % 9 === (i * 7) % 5 ? (i % 2) * 2 - 1 : 0)),
      k: tensor(op.k.shape, dtype, (i) => (i % 83 === 0 ? 1 : 0)),
      b: tensor(op.b.shape, dtype, (i) => (i % 7) - 3),
    };
    const expected = recurrent.solve(referenceOperator(exact, 0), entry(exact.b, 0), 6);
    expect(Math.max(...expected.y.map(Math.abs))).toBeLessThan(2 ** 20);
    const { out, z } = run(exact, { chunk: 12 });
    expect(Float64Array.from(out.data)).toEqual(expected.y);
    expect(Float64Array.from(z.data)).toEqual(expected.finalState);
  });

  it("keeps to the bound where one unit key repeats with β = 2, and where T⁻¹ grows", () => {
    const n = 400;
    const one = () => 1;
    const op = {
      ...problem([1, n, 1, 3], dtype),
      diag: tensor([1, n, 1], dtype, one),
      k: tensor([1, n, 1], dtype, one),
    };
    for (const beta of [2, -0.2]) {
      const family = { ...op, q: tensor([1, n, 1], dtype, () => beta) };
      for (const chunk of [undefined, 32]) {
        const error = omega(
          referenceOperator(family, 0),
          entry(run(family, { chunk }).out, 0),
          entry(op.b, 0),
          3,
        );
        expect(error).toBeLessThanOrEqual(limit(dtype));
      }
    }
  });

  it("overflows in the row where the solution does", () => {
    const [n, row] = dtype === "f32" ? [200, 129] : [1100, 1025];
    const op = {
      ...problem([1, n, 1, 1], dtype),
      diag: tensor([1, n, 1], dtype, () => 1),
      q: tensor([1, n, 1], dtype, () => -1),
      k: tensor([1, n, 1], dtype, () => 1),
      b: tensor([1, n, 1], dtype, (i) => (i === 0 ? 1 : 0)),
    };
    const y = run(op).out.data;
    expect(Array.from(y.subarray(1, row))).toEqual(Array.from({ length: row - 1 }, (_, i) => 2 ** i));
    expect(y.subarray(row).some(Number.isFinite)).toBe(false);
  });

  it("divides by a subnormal λ without overflow", () => {
    const tiny = dtype === "f32" ? 2 ** -149 : 2 ** -1074;
    const op = { ...problem([1, 5, 2, 3], dtype), q: tensor([1, 5, 2], dtype, () => 0) };
    const { out } = run({
      ...op,
      diag: tensor([1, 5, 1], dtype, () => tiny),
      b: tensor([1, 5, 3], dtype, (i) => i * tiny),
    });
    expect(Array.from(out.data)).toEqual(Array.from({ length: 15 }, (_, i) => i));
  });

  it("gives Inf or NaN from the row where λ = 0, and none before", () => {
    const op = problem([1, 40, 3, 4], dtype);
    op.diag.data[21] = 0;
    const { out } = run(op);
    expect(out.data.subarray(0, 84).every(Number.isFinite)).toBe(true);
    expect(out.data.subarray(84).some(Number.isFinite)).toBe(false);
  });
});
