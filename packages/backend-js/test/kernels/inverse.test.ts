import type { Dtype } from "@dlrt/core";
import { omegaInverse, omegaTrilInverse, recurrent } from "@dlrt/core/reference";
import { unitRoundoff } from "@dlrt/core";
import { describe, expect, it } from "vitest";
import { inverse } from "../../src/kernels/inverse.js";
import { trilInverse } from "../../src/kernels/tril-inverse.js";
import {
  firstDifference,
  entry,
  limit,
  problem,
  referenceOperator,
  tensor,
  type Problem,
  type Sizes,
} from "./problems.js";
import { randomFrom } from "../../../../tooling/random.mjs";

const sizes: Sizes[] = [
  [1, 1, 1, 1],
  [2, 15, 3, 1],
  [1, 16, 4, 1],
  [2, 33, 67, 1],
  [1, 301, 1, 1],
  [1, 333, 5, 1],
  [1, 300, 64, 1],
  [1, 500, 30, 1],
  [1, 50, 1030, 1],
  [1, 33, 0, 1],
  [1, 200, 0, 1],
];

function run(op: Problem, chunk?: number) {
  const { batch, n, r, dtype, diag, q, k } = op;
  const out = tensor([batch, n, n], dtype);
  inverse({ batch, n, r, p: n, op: { diag, q, k }, out, chunk });
  return out;
}

describe.each(["f32", "f64"] as Dtype[])("inverse %s", (dtype) => {
  it.each(sizes)("batch %i, n %i, r %i", (...size) => {
    const op = problem(size, dtype);
    const out = run(op);
    for (let batch = 0; batch < op.batch; batch++) {
      expect(omegaInverse(referenceOperator(op, batch), entry(out, batch))).toBeLessThanOrEqual(limit(dtype));
    }
  });

  it("takes any chunk", () => {
    const op = problem([1, 75, 6, 1], dtype);
    for (const chunk of [1, 5, 32, 500]) {
      expect(omegaInverse(referenceOperator(op, 0), entry(run(op, chunk), 0))).toBeLessThanOrEqual(
        limit(dtype),
      );
    }
  });

  it("is exact where every sum is, and for Λ of powers of 2", () => {
    const [n, r] = [200, 3];
    const op = {
      ...problem([1, n, r, 1], dtype),
      diag: tensor([1, n, 1], dtype, (i) => (i % 3 === 0 ? -1 : 0.5)),
      q: tensor([1, n, r], dtype, (i) => (i % 5 === 1 ? 1 : 0)),
      k: tensor([1, n, r], dtype, (i) => (i % 23 === 0 ? (i % 2) * 2 - 1 : 0)),
    };
    const exact = recurrent.inverse(referenceOperator(op, 0));
    expect(exact.every((value) => Math.abs(value) < 2 ** 20)).toBe(true);
    expect(exact.filter((value) => value !== 0).length).toBeGreaterThan(3 * n);
    // Adding 0 turns −0 into 0: the order in which a sum is taken may decide the sign of a zero, and nothing else.
    const plus = (values: Iterable<number>): Float64Array => Float64Array.from(values, (value) => value + 0);
    expect(firstDifference(plus(run(op).data), plus(exact))).toBe(-1);
  });

  // Row i has the unit vector e_(i mod 3) as its key, and q = 2 k. So on the rows of one key T is 1 on the diagonal and
  // 2 everywhere below it, and its inverse is −2 and 2 by turns below the diagonal. 1200 rows are many blocks, some of
  // them beyond row 1024, and each block either changes the sign of a state or keeps it.
  it("is exact for repeated keys with β = 2 over many blocks", () => {
    const [n, r] = [1200, 3];
    const unit = (index: number): number => (index % r === Math.floor(index / r) % r ? 1 : 0);
    const op = {
      ...problem([1, n, r, 1], dtype),
      diag: tensor([1, n, 1], dtype, () => 1),
      q: tensor([1, n, r], dtype, (index) => 2 * unit(index)),
      k: tensor([1, n, r], dtype, unit),
    };
    const wrong = run(op).data.findIndex((value, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      if (i <= j || (i - j) % r !== 0) return value !== (i === j ? 1 : 0);
      return value !== (((i - j) / r) % 2 === 1 ? -2 : 2);
    });
    expect(wrong).toBe(-1);
  });

  it("keeps to the bound where T⁻¹ grows, and where keys repeat with β = 2", () => {
    const n = 320;
    const one = () => 1;
    const growing = {
      ...problem([1, n, 1, 1], dtype),
      diag: tensor([1, n, 1], dtype, one),
      k: tensor([1, n, 1], dtype, one),
    };
    const doubling = { ...growing, q: tensor([1, n, 1], dtype, () => (dtype === "f32" ? -0.25 : -1)) };
    const repeated = { ...growing, q: tensor([1, n, 1], dtype, () => 2) };
    for (const op of [doubling, repeated]) {
      expect(omegaInverse(referenceOperator(op, 0), entry(run(op), 0))).toBeLessThanOrEqual(limit(dtype));
    }
  });
});

describe.each(["f32", "f64"] as Dtype[])("trilInverse %s", (dtype) => {
  const block = (batch: number, c: number, upper: number) => {
    const random = randomFrom(c);
    return tensor([batch, c, c], dtype, (index) => {
      const row = Math.floor(index / c) % c;
      const value = random();
      if (index % c > row) return upper;
      return index % c === row ? 1 + value / 2 : value / Math.sqrt(c);
    });
  };

  it.each([1, 2, 3, 15, 16, 17, 31, 64, 100, 128])("c %i", (c) => {
    const a = block(3, c, NaN);
    const out = tensor([3, c, c], dtype);
    trilInverse({ batch: 3, c, a, out });
    for (let batch = 0; batch < 3; batch++) {
      const error = omegaTrilInverse(entry(a, batch), entry(out, batch), c);
      expect(error).toBeLessThanOrEqual(4 * unitRoundoff[dtype]);
    }
  });

  it("lets NaN in a row reach no row before, and no column after its own", () => {
    const c = 50;
    const clean = tensor([1, c, c], dtype);
    trilInverse({ batch: 1, c, a: block(1, c, 0), out: clean });
    for (const [row, col] of [
      [20, 3],
      [20, 20],
      [33, 18],
      [49, 48],
    ] as const) {
      const a = block(1, c, 0);
      a.data[row * c + col] = NaN;
      const out = tensor([1, c, c], dtype);
      trilInverse({ batch: 1, c, a, out });
      for (let i = 0; i < c; i++) {
        for (let j = 0; j < c; j++) {
          const at = i * c + j;
          if (i < row || j > col) expect(firstDifference(out.data, clean.data, at, at + 1)).toBe(-1);
        }
      }
      expect(out.data[row * c + col]).toBeNaN();
    }
  });
});
