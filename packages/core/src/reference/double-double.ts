/**
 * Numbers in twice the precision of float64, each the sum hi + lo of two float64 numbers: what judges results that are
 * float64 themselves. Error-free transformations give the rounding of every sum (Knuth) and every product (Dekker,
 * Veltkamp) exactly, and lo gathers them, so that a sum of products comes out as if it had been computed with about
 * 106 bits and then rounded (Ogita, Rump, Oishi: "Accurate sum and dot product").
 *
 * Every algorithm of this folder is made of one step, a multiple of one row added to another: `addScaled`. What
 * overflows, or is not finite, becomes NaN in lo, and so NaN in the judge's answer, which never passes.
 */

/** hi + lo, element by element. */
export interface Pairs {
  readonly hi: Float64Array;
  readonly lo: Float64Array;
}

const SPLITTER = 2 ** 27 + 1;
/** Beyond it `SPLITTER · x` would overflow: such numbers are split after scaling by 2⁻²⁸, which is exact. */
const LARGE = 2 ** 996;

/** The upper 26 bits of x, rounded, so that x − high(x) has no more than 26 either. */
function high(x: number): number {
  const scale = Math.abs(x) > LARGE ? 2 ** 28 : 1;
  const small = x / scale;
  const product = SPLITTER * small;
  return (product - (product - small)) * scale;
}

/** What rounding took from `product`, the float64 product of a and b: exact unless it is below 2⁻¹⁰⁷⁴. */
function productError(a: number, b: number, product: number): number {
  const aHigh = high(a);
  const bHigh = high(b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
}

/** What rounding took from `sum`, the float64 sum of a and b: exact. */
function sumError(a: number, b: number, sum: number): number {
  const bPart = sum - a;
  return a - (sum - bPart) + (b - bPart);
}

export function zeroPairs(length: number): Pairs {
  return { hi: new Float64Array(length), lo: new Float64Array(length) };
}

/** The numbers of `a`, which is shared, not copied. */
export function exactly(a: Float64Array): Pairs {
  return { hi: a, lo: new Float64Array(a.length) };
}

export function copyOf({ hi, lo }: Pairs): Pairs {
  return { hi: hi.slice(), lo: lo.slice() };
}

/** The nearest float64 numbers. */
export function rounded({ hi, lo }: Pairs): Float64Array {
  return hi.map((value, at) => value + lo[at]!);
}

/** c[to + j] += (hi + lo) b[from + j] for j < count. */
export function addScaled(
  c: Pairs,
  to: number,
  [hi, lo]: readonly [hi: number, lo: number],
  b: Pairs,
  from: number,
  count: number,
): void {
  const { hi: cHi, lo: cLo } = c;
  const { hi: bHi, lo: bLo } = b;
  const upper = high(hi);
  const lower = hi - upper;
  for (let j = 0; j < count; j++) {
    const value = bHi[from + j]!;
    const valueUpper = high(value);
    const valueLower = value - valueUpper;
    const product = hi * value;
    const lost = upper * valueUpper - product + upper * valueLower + lower * valueUpper + lower * valueLower;
    const before = cHi[to + j]!;
    const sum = before + product;
    cHi[to + j] = sum;
    cLo[to + j]! += sumError(before, product, sum) + (lost + (hi * bLo[from + j]! + lo * value));
  }
}

/** c[at + j] /= divisor for j < count. */
export function divide(c: Pairs, at: number, divisor: number, count: number): void {
  for (let j = at; j < at + count; j++) {
    const value = c.hi[j]! + c.lo[j]!;
    const rest = sumError(c.hi[j]!, c.lo[j]!, value);
    const quotient = value / divisor;
    const product = quotient * divisor;
    c.hi[j] = quotient;
    c.lo[j] = (value - product - productError(quotient, divisor, product) + rest) / divisor;
  }
}

/** s A */
export function scaledPairs(s: number, a: Pairs): Pairs {
  const c = zeroPairs(a.hi.length);
  addScaled(c, 0, [s, 0], a, 0, a.hi.length);
  return c;
}

/** C += A B, for A rows×inner, B inner×cols. */
export function addPairProduct(
  c: Pairs,
  a: Pairs,
  b: Pairs,
  [rows, inner, cols]: readonly [rows: number, inner: number, cols: number],
): void {
  for (let i = 0; i < rows; i++) {
    for (let m = 0; m < inner; m++) {
      const at = i * inner + m;
      addScaled(c, i * cols, [a.hi[at]!, a.lo[at]!], b, m * cols, cols);
    }
  }
}
