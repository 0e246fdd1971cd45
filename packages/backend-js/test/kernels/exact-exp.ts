/** Computes e^x as a fixed-point number with 200 bits after the point, in integers of any size: the truth that `exp` is held to. */
const BITS = 200n;
const ONE = 1n << BITS;

/** Returns a float64 as a fixed-point number of BITS bits after the point. Bits below 2⁻²⁰⁰ are cut off. */
export function fixed(x: number): bigint {
  if (x === 0) return 0n;
  const exponent = Math.floor(Math.log2(Math.abs(x))) - 60;
  // x is scaled to 61 bits in two steps, as 2^−exponent alone may overflow. Both are exact.
  const half = Math.trunc(exponent / 2);
  const integer = BigInt(x * 2 ** -half * 2 ** -(exponent - half));
  const shift = BITS + BigInt(exponent);
  return shift >= 0n ? integer << shift : integer >> -shift;
}

/** ln 2 = 2 artanh(1/3), as a fixed-point number. */
const LN2 = ((): bigint => {
  let sum = 0n;
  let power = (2n * ONE) / 3n;
  for (let k = 1n; power > 0n; k += 2n) {
    sum += power / k;
    power /= 9n;
  }
  return sum;
})();

/** Returns e^x = mantissa · 2^exponent, with a mantissa between 0.7 and 1.5. Both x and the mantissa are fixed-point numbers. */
export function exactExp(x: bigint): { mantissa: bigint; exponent: number } {
  const n = (2n * x + LN2) / (2n * LN2) - (2n * x + LN2 < 0n ? 1n : 0n);
  const rest = x - n * LN2;
  let sum = 0n;
  let term = ONE;
  for (let k = 1n; term !== 0n && term !== -1n; k++) {
    sum += term;
    term = ((term * rest) >> BITS) / k;
  }
  return { mantissa: sum, exponent: Number(n) };
}

/** Returns how many units of its last place `value` is away from e^x, for a fixed-point x. It needs e^x ≥ 2⁻¹⁰²¹. */
export function ulps(value: number, x: bigint): number {
  const { mantissa, exponent } = exactExp(x);
  const scaled = fixed(value * 2 ** -exponent);
  const ulp = ONE >> (mantissa < ONE ? 53n : 52n);
  return Number(((scaled - mantissa) * 2n ** 20n) / ulp) / 2 ** 20;
}
