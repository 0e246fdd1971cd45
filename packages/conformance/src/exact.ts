/**
 * The exact class: Q, K ∈ {−1, 0, 1}, Λ = ±2ᵏ, g ∈ {0, −∞}, integers on the right, and every partial sum of every algorithm a
 * dyadic number of at most 24 bits. The answer is then exact in f32 whatever the order of operations, so that it
 * is demanded bitwise.
 *
 * Why the check below covers every algorithm: substitution, block inverses, U = XB, W = XQ, and products of chunk
 * maps all add up weights of paths j₁ < j₂ < … through T, each the product of entries of Q, K and 1/λ on its
 * way. Taking absolute values everywhere (and 1 for every right-hand side and state) adds all paths up, so no
 * partial sum is larger than |λ_i| ŷ_i and ẑ_l below; and no weight is finer than 2^−f. Resets only take paths away.
 */
import { newFloatArray, type DecayKind, type Dtype, type FloatArray, type Sizes } from "@dlrt/core";
import { channelsOf } from "./gates.js";
import type { Problem } from "./problems.js";
import { Random } from "./random.js";

/** The number of bits in the significand of f32. */
export const EXACT_BITS = 24;
/**
 * The largest absolute value among the integers of the right-hand side and the state. It sets the scale of all paths.
 */
const LARGEST = 4;
/** How many bits are kept free, for α ∈ {½, 2}, for a residual b − T y, and for λ y. */
const SPARE_BITS = 4;
const MOST_FRACTION = 4;

/** Carries path sums and finest bits along the rows, as T itself carries Z. */
class Majorant {
  readonly sum: Float64Array;
  readonly fraction: Float64Array;
  largest = LARGEST;
  finest = 0;

  constructor(readonly r: number) {
    this.sum = new Float64Array(r).fill(LARGEST);
    this.fraction = new Float64Array(r);
  }

  /** Returns λ_i ŷ_i and the number of bits behind the binary point before the division, for row f (of Q or K). */
  read(f: FloatArray, at: number): { sum: number; fraction: number } {
    let sum = LARGEST;
    let fraction = 0;
    for (let l = 0; l < this.r; l++) {
      if (f[at + l] === 0) continue;
      sum += this.sum[l]!;
      fraction = Math.max(fraction, this.fraction[l]!);
    }
    return { sum, fraction };
  }

  /** Takes the row in: adds its own sum, and what it adds to Z. */
  write(g: FloatArray, at: number, row: { sum: number; fraction: number }, lambda: number): void {
    const y = row.sum / Math.abs(lambda);
    const fraction = Math.max(0, row.fraction + Math.log2(Math.abs(lambda)));
    for (let l = 0; l < this.r; l++) {
      if (g[at + l] === 0) continue;
      this.sum[l]! += y;
      this.largest = Math.max(this.largest, this.sum[l]!);
      this.fraction[l] = Math.max(this.fraction[l]!, fraction);
    }
    this.largest = Math.max(this.largest, row.sum, y);
    this.finest = Math.max(this.finest, fraction);
  }
}

/** Returns how many bits the worst partial sum of solve, inverse or apply may need, over the batch. */
export function bitsNeeded({ sizes, diag, q, k }: Problem, trans: boolean): number {
  const { batch, n, r } = sizes;
  const [f, g] = trans ? [k, q] : [q, k];
  let bits = 0;
  for (let e = 0; e < batch; e++) {
    const majorant = new Majorant(r);
    for (let step = 0; step < n; step++) {
      const i = e * n + (trans ? n - 1 - step : step);
      majorant.write(g, i * r, majorant.read(f, i * r), diag[i]!);
    }
    bits = Math.max(bits, Math.log2(majorant.largest) + majorant.finest + SPARE_BITS);
  }
  return bits;
}

/** Tells whether a row may read so much and still write on. */
function affordable(row: { sum: number; fraction: number }, lambda: number): boolean {
  const magnitude = Math.log2(Math.max(row.sum, row.sum / Math.abs(lambda)));
  return magnitude + SPARE_BITS + MOST_FRACTION < EXACT_BITS;
}

/** Chooses λ, then what the row reads and writes. It drops what 24 bits cannot carry. */
function drawRow(
  random: Random,
  majorant: Majorant,
  [lambda, f, g]: readonly [FloatArray, FloatArray, FloatArray],
  [i, both]: readonly [row: number, both: number],
): void {
  const { r } = majorant;
  const at = i * r;
  const role = random.uniform() < both ? "both" : random.pick(["reads", "writes"] as const);
  const density = Math.min(1, 3 / Math.max(r, 1));
  const sign = (): number => (random.uniform() < 0.5 ? -1 : 1);
  for (let l = 0; l < r; l++) {
    if (role !== "writes" && random.uniform() < density) f[at + l] = sign();
    if (role !== "reads" && random.uniform() < density) g[at + l] = sign();
  }
  lambda[i] = sign() * 2 ** random.pick([0, 0, 0, 0, 1, -1]);
  let row = majorant.read(f, at);
  if (row.fraction + Math.log2(Math.abs(lambda[i]!)) > MOST_FRACTION) lambda[i] = sign();
  while (!affordable(row, lambda[i]!)) {
    let most = -1;
    for (let l = 0; l < r; l++) {
      if (f[at + l] !== 0 && (most < 0 || majorant.sum[l]! > majorant.sum[most]!)) most = l;
    }
    f[at + most] = 0;
    row = majorant.read(f, at);
  }
  for (let l = 0; l < r; l++) {
    const sum = majorant.sum[l]! + row.sum / Math.abs(lambda[i]!);
    if (Math.log2(sum) + SPARE_BITS + MOST_FRACTION >= EXACT_BITS) g[at + l] = 0;
  }
  majorant.write(g, at, row, lambda[i]!);
}

/** Draws g, which is mostly 0 and sometimes a reset of the row or of one of its channels. */
function resets(random: Random, dtype: Dtype, length: number): FloatArray {
  return newFloatArray(dtype, length).map(() => (random.uniform() < 1 / 12 ? -Infinity : 0));
}

function integers(random: Random, dtype: Dtype, length: number): FloatArray {
  return newFloatArray(dtype, length).map(() => random.integer(-LARGEST, LARGEST));
}

/**
 * Makes a problem of the exact class, which is exact for op(T) with this `trans`.
 *
 * @throws Error if the check finds that it is not, which would be a fault of this file
 */
export function makeExact(
  sizes: Sizes,
  dtype: Dtype,
  seed: number,
  trans = false,
  kind: DecayKind = "none",
): Problem {
  const { batch, n, r, p } = sizes;
  const random = new Random(seed);
  const diag = newFloatArray(dtype, batch * n);
  const q = newFloatArray(dtype, batch * n * r);
  const k = newFloatArray(dtype, batch * n * r);
  const [f, g] = trans ? [k, q] : [q, k];
  for (let e = 0; e < batch; e++) {
    const majorant = new Majorant(r);
    const both = Math.min(1, 8 / Math.max(n, 1));
    for (let step = 0; step < n; step++) {
      drawRow(random, majorant, [diag, f, g], [e * n + (trans ? n - 1 - step : step), both]);
    }
  }
  const rhs = integers(random, dtype, batch * n * p);
  const state = integers(random, dtype, batch * r * p);
  const problem: Problem = { family: "exact class", dtype, sizes, seed, diag, q, k, rhs, state };
  const bits = bitsNeeded(problem, trans);
  if (!(bits < EXACT_BITS)) throw new Error(`not of the exact class: ${bits} bits, seed ${seed}`);
  if (kind === "none") return problem;
  const decay = resets(new Random(seed + 1), dtype, batch * n * channelsOf({ kind }, r));
  return { ...problem, family: `exact class, resets per ${kind}`, decay };
}
