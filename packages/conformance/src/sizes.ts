import type { Sizes } from "@dlrt/core";
import fc from "fast-check";

/** Sizes at which kernels go wrong: empty, one, around a vector, a block and a chunk, and past them all. */
export const awkward = {
  n: [0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200, 257, 1000],
  r: [0, 1, 2, 3, 4, 5, 8, 16, 17, 64, 65, 257],
  p: [0, 1, 2, 3, 4, 5, 8, 16, 17, 64, 65, 257],
  batch: [0, 1, 2, 3],
} as const;

/** What a slow device can afford. */
export interface Budget {
  /** Largest n. */
  readonly maxN: number;
  /** The largest batch·n·max(r, 1)·max(p, 1) of a property's case. */
  readonly maxWork: number;
}

/** Lowers a plan's budget for properties that cost more than their work says. */
export function atMost({ maxN, maxWork }: Budget, n: number): Budget {
  return { maxN: Math.min(maxN, n), maxWork: Math.min(maxWork, 2 ** 15) };
}

export function workOf({ batch, n, r, p }: Sizes): number {
  return batch * n * Math.max(r, 1) * Math.max(p, 1);
}

/** Returns the same sizes with the largest factor lowered until the work is affordable. */
export function afford(sizes: Sizes, { maxN, maxWork }: Budget): Sizes {
  let { batch, n, r, p } = { ...sizes, batch: Math.min(sizes.batch, maxN), n: Math.min(sizes.n, maxN) };
  while (workOf({ batch, n, r, p }) > maxWork) {
    if (Math.max(r, p) > 8) {
      if (r > p) r = r >> 1;
      else p = p >> 1;
    } else if (batch > 1) batch--;
    else n = n >> 1;
  }
  return { batch, n, r, p };
}

/** Returns the same sizes with p = n, and n lowered until that is affordable: for results and right-hand sides of n columns. */
export function affordSquare({ batch, n, r }: Omit<Sizes, "p">, { maxN, maxWork }: Budget): Sizes {
  const most = Math.floor(Math.sqrt(maxWork / Math.max(batch * Math.max(r, 1), 1)));
  const size = Math.min(n, maxN, most);
  return { batch, n: size, r, p: size };
}

/** Returns the same sizes with r lowered until a gradient's transposed state, which takes batch·r²·p, is affordable. */
export function affordVjp(sizes: Sizes, { maxWork }: Budget): Sizes {
  let { r } = sizes;
  while (sizes.batch * r * r * Math.max(sizes.p, 1) > maxWork) r = r >> 1;
  return { ...sizes, r };
}

/** Draws sizes for a property: the awkward ones and those between. They shrink towards the small. */
export function anySizes(budget: Budget): fc.Arbitrary<Sizes> {
  const among = (list: readonly number[], max: number): fc.Arbitrary<number> =>
    fc.oneof(
      { arbitrary: fc.nat(Math.min(max, 20)), weight: 2 },
      { arbitrary: fc.constantFrom(...list.filter((size) => size <= max)), weight: 3 },
      { arbitrary: fc.nat(max), weight: 1 },
    );
  return fc
    .record({
      batch: fc.oneof({ arbitrary: fc.constant(1), weight: 2 }, fc.constantFrom(...awkward.batch)),
      n: among(awkward.n, Math.min(budget.maxN, 300)),
      r: among(awkward.r, 65),
      p: among(awkward.p, 65),
    })
    .map((sizes) => afford(sizes, budget));
}

/** Returns every awkward value of every size at least once, with the others small. */
export function sizeSweep(budget: Budget): Sizes[] {
  const base: Sizes = { batch: 2, n: 33, r: 5, p: 3 };
  const sweep = [
    ...awkward.n.map((n) => ({ ...base, n })),
    ...awkward.r.map((r) => ({ ...base, n: 65, r, p: 2 })),
    ...awkward.p.map((p) => ({ ...base, n: 65, r: 3, p })),
    ...awkward.batch.map((batch) => ({ ...base, batch })),
    { batch: 1, n: 129, r: 257, p: 17 },
    { batch: 3, n: 130, r: 64, p: 64 },
    { batch: 1, n: 1000, r: 16, p: 1 },
    // These are beyond the rows, ranks and batches that a kernel keeps at hand at once, with the tails of wide vectors.
    ...[1025, 1040].map((n, at) => ({ batch: 1, n, r: 3, p: 7 + 8 * at })),
    // The last rank twice: every second problem starts from a state.
    ...[301, 333, 513, 1024, 1025, 1025].map((r) => ({ batch: 1, n: 130, r, p: 2 })),
    ...[64, 65, 129].map((batch) => ({ batch, n: 17, r: 2, p: 3 })),
    { batch: 0, n: 5, r: 3, p: 2 },
    { batch: 2, n: 5, r: 0, p: 2 },
    { batch: 2, n: 0, r: 3, p: 2 },
  ];
  return sweep.map((sizes) => afford(sizes, budget));
}

/** Returns a full chunk of 64 rows with every number of rows that may be left after it. */
export function rowsLeft(budget: Budget): Sizes[] {
  return Array.from({ length: 64 }, (_, left) => afford({ batch: 1, n: 64 + left, r: 3, p: 2 }, budget));
}

/**
 * Returns sizes around 65536 in each direction in turn, where a grid of workgroups folds. The exact suite has batches
 * and ranks of this size.
 */
export function hugeSweep(budget: Budget): Sizes[] {
  return [
    ...[65535, 65536, 65537].map((n) => ({ batch: 1, n, r: 1, p: 1 })),
    { batch: 1, n: 3, r: 1, p: 65537 },
  ]
    .filter(({ n }) => n <= budget.maxN)
    .map((sizes) => afford(sizes, budget));
}
