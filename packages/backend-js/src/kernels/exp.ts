/**
 * e^g for decay. The result of Math.exp depends on the engine; this one is made of sums and products of float64 in a
 * fixed order, so that it has the same bits on every machine.
 * A gap g is kept in two parts, g = high + low, where high is a multiple of 2⁻²⁰. Sums of a chunk's high parts, and the
 * differences of such sums, are then exact, so that a factor between any two rows is as precise as one between
 * neighbours. A difference of two rounded sums would be wrong by the size of these sums times ε.
 */
import { HIGH, LOW, POWER, REST, scratch } from "./scratch.js";

/**
 * A gap beyond ±768 counts as ±768. Then −∞ gives a factor that is exactly 0 without ∞ in any sum, because e⁻⁷⁶⁸ is
 * below 2⁻¹⁰²².
 */
const LIMIT = 768;
/** Adding and subtracting this number rounds numbers below 2³¹ to multiples of 2⁻²⁰. */
const TO_GRID = 1.5 * 2 ** 32;
/** Adding and subtracting this number rounds to integers. */
const TO_INTEGER = 1.5 * 2 ** 52;
/** ln 2 in two parts. Multiples of the first by integers below 2²⁰ are exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** For gaps within the limit, the exponents of e^g in base 2 lie between −1108 and 1108. */
const SPAN = 1108;

/** Holds 2ⁿ at index n + SPAN. It is 0 for n < −1022, and ∞ for n > 1023. */
const powers: Float64Array = /* @__PURE__ */ makePowers();

/** The powers are made by multiplying by 2, which is exact; a result of `**` need not be. */
function makePowers(): Float64Array {
  const all = new Float64Array(2 * SPAN + 1);
  all[SPAN] = 1;
  for (let n = 1; n <= SPAN; n++) {
    all[SPAN + n] = all[SPAN + n - 1]! * 2;
    if (n <= 1022) all[SPAN - n] = all[SPAN - n + 1]! / 2;
  }
  return all;
}

/** Brings g within ±768. NaN stays NaN. */
export function limited(g: number): number {
  return g < -LIMIT ? -LIMIT : g > LIMIT ? LIMIT : g;
}

/** The first part of a limited gap. What it lacks, g − highPart(g), is exact too. */
export function highPart(g: number): number {
  return g + TO_GRID - TO_GRID;
}

/** Returns e^g, at most 1 ulp off, and 0 where that is below about 2⁻¹⁰²². */
export function exp(g: number): number {
  const bounded = limited(g);
  const high = highPart(bounded);
  return factor(high, bounded - high);
}

/** Returns the n of e^high = 2ⁿ e^ρ with |ρ| ≤ ln 2 / 2. */
function exponent(high: number): number {
  return high * Math.LOG2E + TO_INTEGER - TO_INTEGER;
}

/** Returns ρ = high + low − n ln 2. */
function remainder(high: number, low: number, n: number): number {
  return high - n * LN2_HIGH + (low - n * LN2_LOW);
}

/** Returns e^ρ − 1 for |ρ| ≤ ln 2 / 2, by Taylor's series up to ρ¹³/13!, with odd and even terms summed apart. */
function fraction(x: number): number {
  const y = x * x;
  const even =
    0.5 + y * (1 / 24 + y * (1 / 720 + y * (1 / 40_320 + y * (1 / 3_628_800 + y * (1 / 479_001_600)))));
  const odd =
    1 / 6 +
    y * (1 / 120 + y * (1 / 5040 + y * (1 / 362_880 + y * (1 / 39_916_800 + y * (1 / 6_227_020_800)))));
  return x + y * (even + x * odd);
}

/** Returns e^(high + low), where high is a sum of high parts and |low| is small beside 1. */
export function factor(high: number, low: number): number {
  const n = exponent(high);
  if (n < -1022) return 0;
  if (n > 1023) return Infinity;
  const power = powers[(n + SPAN) | 0]!;
  return power + power * fraction(remainder(high, low, n));
}

const S = scratch;

/**
 * Replaces each of the `count` gaps of a row by e to its power, and adds its two parts to the sums at HIGH and LOW. It
 * takes two loops, one for the exponents and one for the series: a single loop over both is half as slow again.
 */
export function exponentials(row: number, count: number): void {
  for (let m = 0; m < count; m++) {
    const gap = limited(S[(row + m) | 0]!);
    const high = highPart(gap);
    const low = gap - high;
    const n = exponent(high);
    S[(HIGH + m) | 0] = S[(HIGH + m) | 0]! + high;
    S[(LOW + m) | 0] = S[(LOW + m) | 0]! + low;
    S[(row + m) | 0] = remainder(high, low, n);
    S[(POWER + m) | 0] = powers[(n + SPAN) | 0]!;
  }
  for (let m = 0; m < count; m++) {
    const power = S[(POWER + m) | 0]!;
    S[(row + m) | 0] = power + power * fraction(S[(row + m) | 0]!);
  }
}

/**
 * Stores e^(high + low) as the pair S[POWER + m] + S[REST + m]: a power of 2, by which a product is exact, and the
 * rest. A rounded factor just below 1 would be wrong by an ulp in every chunk, and after 65,536 rows by thousands.
 */
export function storePair(m: number, high: number, low: number): void {
  const n = exponent(high);
  let power = 0;
  let rest = 0;
  if (n > 1023) power = Infinity;
  else if (!(n < -1022)) {
    power = powers[(n + SPAN) | 0]!;
    rest = power * fraction(remainder(high, low, n));
  }
  S[POWER + m] = power;
  S[REST + m] = rest;
}
