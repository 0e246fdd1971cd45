import { expect, test } from "vitest";
import {
  applyWork,
  inverseWork,
  rowDotWork,
  solveWork,
  trilInverseWork,
  type ChunkedSizes,
  type Work,
} from "../src/roofline/work.js";

/** Counts what an algorithm does, one product after the other, and each element it touches once. */
class Count {
  flops = 0;
  readonly #touched = new Set<string>();

  product(): void {
    this.flops += 2;
  }

  sum(): void {
    this.flops += 1;
  }

  touch(...element: (string | number)[]): void {
    this.#touched.add(element.join(" "));
  }

  get work(): Work {
    return { flops: this.flops, bytes: 4 * this.#touched.size };
  }
}

type Body = (entry: number, first: number, end: number) => void;

/** Every chunk of every batch entry. */
function chunks({ batch, n, chunk }: Pick<ChunkedSizes, "batch" | "n" | "chunk">, body: Body): void {
  for (let e = 0; e < batch; e++) {
    for (let first = 0; first < n; first += chunk) body(e, first, Math.min(n, first + chunk));
  }
}

const times = (count: number, body: (index: number) => void): void => {
  for (let i = 0; i < count; i++) body(i);
};

function couplingWork(sizes: Omit<ChunkedSizes, "p">): Work {
  const count = new Count();
  chunks(sizes, (e, first, end) => {
    for (let i = first; i < end; i++) {
      times(sizes.r, (m) => {
        count.touch("f", e, i, m);
        count.touch("g", e, i, m);
      });
      for (let j = first; j < i; j++) {
        times(sizes.r, () => count.product());
        count.touch("s", e, i, j);
      }
    }
  });
  return count.work;
}

function solveScan(sizes: ChunkedSizes): Work {
  const count = new Count();
  chunks(sizes, (e, first, end) => {
    for (let i = first; i < end; i++) {
      count.touch("diag", e, i);
      times(sizes.p, (column) => {
        count.touch("b", e, i, column);
        count.touch("y", e, i, column);
        times(sizes.r, (m) => {
          count.product(); // F Z
          count.product(); // Gᵀ Y
          count.touch("f", e, i, m);
          count.touch("g", e, i, m);
        });
        for (let j = first; j < i; j++) {
          count.product();
          count.touch("s", e, i, j);
        }
      });
    }
  });
  return count.work;
}

function applyPasses(sizes: ChunkedSizes): Work[] {
  const [state, prefix, chunk] = [new Count(), new Count(), new Count()];
  chunks(sizes, (e, first, end) => {
    times(sizes.r, (m) =>
      times(sizes.p, (column) => {
        prefix.sum();
        state.touch("own", e, first, m, column);
        prefix.touch("own", e, first, m, column);
        prefix.touch("before", e, first, m, column);
        chunk.touch("before", e, first, m, column);
      }),
    );
    for (let i = first; i < end; i++) {
      chunk.touch("diag", e, i);
      times(sizes.p, (column) => {
        chunk.product(); // Λ X
        for (const count of [state, chunk]) count.touch("x", e, i, column);
        chunk.touch("y", e, i, column);
        times(sizes.r, (m) => {
          state.product();
          chunk.product();
          state.touch("g", e, i, m);
          chunk.touch("f", e, i, m);
        });
        for (let j = first; j < i; j++) {
          chunk.product();
          chunk.touch("s", e, i, j);
        }
      });
    }
  });
  return [state.work, prefix.work, chunk.work];
}

function inverseScan(sizes: Omit<ChunkedSizes, "p">): Work {
  const count = new Count();
  chunks(sizes, (e, first, end) => {
    for (let i = first; i < end; i++) {
      count.touch("diag", e, i);
      times(sizes.n, (column) => count.touch("x", e, i, column));
      times(sizes.r, (m) => {
        count.touch("f", e, i, m);
        count.touch("g", e, i, m);
      });
      for (let column = 0; column < end; column++) {
        // The state is zero where a panel begins.
        if (column < first) times(sizes.r, () => count.product());
        times(sizes.r, () => count.product());
        for (let j = first; j < i; j++) {
          count.product();
          count.touch("s", e, i, j);
        }
      }
    }
  });
  return count.work;
}

const CASES: readonly ChunkedSizes[] = [
  { batch: 2, n: 37, r: 3, p: 5, chunk: 16 },
  { batch: 1, n: 32, r: 4, p: 2, chunk: 16 },
  { batch: 3, n: 7, r: 2, p: 1, chunk: 16 },
  { batch: 1, n: 65, r: 1, p: 3, chunk: 64 },
];

test.each(CASES)("flops and bytes are what a count by brute force finds: %o", (sizes) => {
  expect(solveWork(sizes)).toEqual({ coupling: couplingWork(sizes), "solve-scan": solveScan(sizes) });
  const [state, prefix, chunk] = applyPasses(sizes);
  expect(applyWork(sizes)).toEqual({
    coupling: couplingWork(sizes),
    "apply-state": state,
    "apply-prefix": prefix,
    "apply-chunk": chunk,
  });
  expect(inverseWork(sizes)).toEqual({
    coupling: couplingWork(sizes),
    "solve-scan": inverseScan(sizes),
  });
});

test.each([1, 2, 17, 64])("the inverses of blocks, the dot products: brute force again, c = %i", (c) => {
  const [blocks, dots, batch, p] = [new Count(), new Count(), 3, 5];
  times(batch, (e) => {
    times(c, (i) => {
      times(c, (j) => blocks.touch("x", e, i, j));
      for (let j = 0; j <= i; j++) {
        blocks.touch("a", e, i, j);
        // x_ij = −Σ a_ik x_kj / a_ii
        for (let k = j; k < i; k++) blocks.product();
      }
      dots.touch("out", e, i);
      times(p, (column) => {
        dots.product();
        dots.touch("x", e, i, column);
        dots.touch("y", e, i, column);
      });
    });
  });
  expect(trilInverseWork(batch, c)).toEqual({ "tril-inverse": blocks.work });
  expect(rowDotWork({ batch, n: c, p })).toEqual({ "row-dot": dots.work });
});

test("they are ARCHITECTURE's formulas, within the diagonal that those leave in or out", () => {
  const [n, r, p, chunk] = [4096, 64, 128, 64];
  const sizes = { batch: 1, n, r, p, chunk };
  const half = (n * chunk) / 2;
  const all = { ...solveWork(sizes), ...applyWork(sizes), ...trilInverseWork(1, chunk) };
  const products = {
    coupling: half * r,
    "solve-scan": 2 * n * r * p + half * p,
    "apply-state": n * r * p,
    "apply-chunk": n * r * p + half * p,
    "tril-inverse": chunk ** 3 / 6,
  };
  const elements = {
    coupling: 2 * n * r + half,
    "solve-scan": n * (2 * r + 2 * p + 1) + half,
    "apply-chunk": n * (r + 2 * p) + (n * r * p) / chunk + half,
  };
  for (const [shader, count] of Object.entries(products)) {
    expect(Math.abs(all[shader]!.flops / (2 * count) - 1), shader).toBeLessThanOrEqual(1 / chunk);
  }
  for (const [shader, count] of Object.entries(elements)) {
    expect(Math.abs(all[shader]!.bytes / (4 * count) - 1), shader).toBeLessThanOrEqual(1 / chunk);
  }
});
