import { chunkwise, dense, recurrent, type ReferenceOperator } from "../../src/reference/index.js";
import type { Random } from "../../../../tooling/random.mjs";

export const EPSILON = 2 ** -53;
export const LIMIT = 16 * EPSILON;

export const sizes = [0, 1, 15, 16, 17, 63, 64, 65];
export const widths = [0, 1, 3, 5];
export const chunks = [1, 7, 16, 1000];

type Way = Pick<typeof recurrent, "solve" | "apply">;

const byChunk = (chunk: number): [string, Way] => [
  `chunkwise, c = ${chunk}`,
  {
    solve: (op, b, p, options) => chunkwise.solve(op, b, p, { ...options, chunk }),
    apply: (op, x, p, options) => chunkwise.apply(op, x, p, { ...options, chunk }),
  },
];

/** Every way in which the reference computes `solve` and `apply`, by name. */
export const ways: readonly (readonly [string, Way])[] = [
  ["dense", dense],
  ["recurrent", recurrent],
  ...chunks.map(byChunk),
];

export const inverses: readonly (readonly [string, (op: ReferenceOperator) => Float64Array])[] = [
  ["dense", dense.inverse],
  ["2×2 blocks", (op) => dense.blockInverse(dense.materialize(op), op.n)],
  ["recurrent", recurrent.inverse],
  ...chunks.map(
    (chunk) =>
      [`chunkwise, c = ${chunk}`, (op: ReferenceOperator) => chunkwise.inverse(op, { chunk })] as const,
  ),
];

/** Makes an operator with λ of both signs and Q ≠ K. */
export function general(random: Random, n: number, r: number): ReferenceOperator {
  const scale = 1 / Math.sqrt(Math.max(r, 1));
  const diag = Float64Array.from(
    { length: n },
    () => (random.uniform() < 0.5 ? -1 : 1) * random.uniform(0.5, 2),
  );
  return { n, r, diag, q: random.normals(n * r, scale), k: random.normals(n * r, scale) };
}

/** Makes an operator as a DeltaNet layer has it: λ = 1, unit keys, and q = βk with β ∈ [0, 2]. */
export function deltaNet(random: Random, n: number, r: number): ReferenceOperator {
  const k = random.normals(n * r);
  const q = new Float64Array(n * r);
  for (let i = 0; i < n; i++) {
    const row = k.subarray(i * r, (i + 1) * r);
    const norm = Math.hypot(...row);
    const beta = random.uniform(0, 2);
    for (let m = 0; m < r; m++) {
      row[m]! /= norm;
      q[i * r + m] = beta * row[m]!;
    }
  }
  return { n, r, diag: new Float64Array(n).fill(1), q, k };
}

/** Makes an operator of small integers and powers of two, on which every way of computing must give the same bits. */
export function exact(random: Random, n: number, r: number): ReferenceOperator {
  const sparse = () => (random.uniform() < 0.15 ? random.integer(0, 1) * 2 - 1 : 0);
  return {
    n,
    r,
    diag: Float64Array.from({ length: n }, () => (random.integer(0, 1) * 2 - 1) * 2 ** random.integer(0, 1)),
    q: Float64Array.from({ length: n * r }, sparse),
    k: Float64Array.from({ length: n * r }, sparse),
  };
}

export function maxAbs(a: Float64Array): number {
  return a.reduce((worst, x) => Math.max(worst, Math.abs(x)), 0);
}

export function minus(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((x, at) => x - b[at]!);
}

/** Returns a copy of `a` with another value in one place. */
export function replaced(a: Float64Array, at: number, value: number): Float64Array {
  const copy = a.slice();
  copy[at] = value;
  return copy;
}

/** Returns the gradient of `loss` at x by central differences of fourth order with the step h. */
export function centralDifferences(
  x: Float64Array,
  loss: (x: Float64Array) => number,
  h: number,
): Float64Array {
  return x.map((value, at) => {
    const difference = (step: number): number =>
      (loss(replaced(x, at, value + step)) - loss(replaced(x, at, value - step))) / (2 * step);
    return (4 * difference(h) - difference(2 * h)) / 3;
  });
}
