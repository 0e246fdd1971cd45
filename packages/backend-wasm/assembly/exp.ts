// e^x for sums of gaps, without what rounding them would cost (reference README, section 3). A gap g is split into a
// multiple of 2⁻¹⁰ (f32) or 2⁻²⁰ (f64) and the rest. Both are added up over a chunk; the first sum is exact, and so is every
// difference of two of its values, so that a factor between any two rows is as good as one formed from its own gaps alone.
//
// WebAssembly has no exponential. This one takes n, the integer nearest to x log₂ e, and ρ = x − n ln 2, with ln 2 in two parts of which the
// first has so few bits that n times it is exact. The result is 2ⁿ + 2ⁿ (e^ρ − 1), whose last factor is a polynomial. Where n is below the
// exponents of normal numbers the result is 0. It is right within 1 unit in the last place, and NaN gives NaN.

/**
 * Returns the limit of gaps: a gap beyond it counts as the limit. The factors are 0 or ∞ by then, and no sum of a
 * chunk's gaps is infinite.
 */
export function limit<T>(): T {
  return sizeof<T>() == 4 ? <T>128 : <T>768;
}

/** The high part of a gap is a multiple of 1/grid. */
export function grid<T>(): T {
  return sizeof<T>() == 4 ? <T>1024 : <T>1048576;
}

/**
 * Adding this number leaves the bits of the nearest integer at the low end of the significand, in two's complement.
 * That rounds and converts at once.
 */
export function shifter<T>(): T {
  return sizeof<T>() == 4 ? <T>12582912 : <T>6755399441055744;
}

/** Returns the greatest exponent of 2. What is larger is left to the polynomial, which overflows. */
function greatest<T>(): T {
  return sizeof<T>() == 4 ? <T>127 : <T>1023;
}

/**
 * Returns n + shifter, where n is the integer nearest to x log₂ e. NaN stays NaN. (pmin is one instruction where min is
 * seven.)
 */
export function shifted<T>(x: v128): v128 {
  const product = v128.mul<T>(x, v128.splat<T>(<T>Math.LOG2E));
  const n = v128.add<T>(product, v128.splat<T>(shifter<T>()));
  return v128.pmin<T>(n, v128.splat<T>(shifter<T>() + greatest<T>()));
}

/** Returns 2ⁿ. */
export function powerOf<T>(shift: v128): v128 {
  if (sizeof<T>() == 4) return i32x4.add(i32x4.shl(shift, 23), i32x4.splat(0x3f800000));
  return i64x2.add(i64x2.shl(shift, 52), i64x2.splat(0x3ff0000000000000));
}

/** Returns all ones where n is so small that 2ⁿ is not a normal number. */
export function vanishes<T>(n: v128): v128 {
  return v128.lt<T>(n, v128.splat<T>(<T>1 - greatest<T>()));
}

/**
 * Computes sum + x y with two roundings in every build. With a fused operation, an error of 1.01 ulp was found among
 * all numbers of float32.
 */
function plus<T>(sum: v128, x: v128, y: v128): v128 {
  return v128.add<T>(sum, v128.mul<T>(x, y));
}

/** Returns e^(high + low − n ln 2) − 1. */
function rest<T>(n: v128, high: v128, low: v128): v128 {
  if (sizeof<T>() == 4) {
    const near = f32x4.sub(high, f32x4.mul(n, f32x4.splat(0.693359375)));
    const x = f32x4.add(f32x4.sub(near, f32x4.mul(n, f32x4.splat(-2.1219444e-4))), low);
    let p = plus<f32>(f32x4.splat(1.3981999507e-3), f32x4.splat(1.98756915e-4), x);
    p = plus<f32>(f32x4.splat(8.3334519073e-3), p, x);
    p = plus<f32>(f32x4.splat(4.1665795894e-2), p, x);
    p = plus<f32>(f32x4.splat(1.6666665459e-1), p, x);
    p = plus<f32>(f32x4.splat(5.0000001201e-1), p, x);
    return plus<f32>(x, f32x4.mul(x, x), p);
  }
  const near = f64x2.sub(high, f64x2.mul(n, f64x2.splat(6.9314718036912381649e-1)));
  const x = f64x2.add(f64x2.sub(near, f64x2.mul(n, f64x2.splat(1.90821492927058770002e-10))), low);
  let p = f64x2.splat(1.0 / 6227020800.0);
  p = plus<f64>(f64x2.splat(1.0 / 479001600.0), p, x);
  p = plus<f64>(f64x2.splat(1.0 / 39916800.0), p, x);
  p = plus<f64>(f64x2.splat(1.0 / 3628800.0), p, x);
  p = plus<f64>(f64x2.splat(1.0 / 362880.0), p, x);
  p = plus<f64>(f64x2.splat(1.0 / 40320.0), p, x);
  p = plus<f64>(f64x2.splat(1.0 / 5040.0), p, x);
  p = plus<f64>(f64x2.splat(1.0 / 720.0), p, x);
  p = plus<f64>(f64x2.splat(1.0 / 120.0), p, x);
  p = plus<f64>(f64x2.splat(1.0 / 24.0), p, x);
  p = plus<f64>(f64x2.splat(1.0 / 6.0), p, x);
  p = plus<f64>(f64x2.splat(0.5), p, x);
  return plus<f64>(x, f64x2.mul(x, x), p);
}

/** Returns e^(high + low). */
export function exp<T>(high: v128, low: v128): v128 {
  const shift = shifted<T>(high);
  const n = v128.sub<T>(shift, v128.splat<T>(shifter<T>()));
  const power = powerOf<T>(shift);
  const value = plus<T>(power, power, rest<T>(n, high, low));
  return v128.andnot(value, vanishes<T>(n));
}

/** Writes e^(high + low) as s + e to two places: s is a power of 2 or 0, and |e| < s/2. */
export function expPair<T>(high: v128, low: v128, s: usize, e: usize): void {
  const shift = shifted<T>(high);
  const n = v128.sub<T>(shift, v128.splat<T>(shifter<T>()));
  const power = powerOf<T>(shift);
  const none = vanishes<T>(n);
  v128.store(s, v128.andnot(power, none));
  v128.store(e, v128.andnot(v128.mul<T>(power, rest<T>(n, high, low)), none));
}

/**
 * Brings a gap within its limits. NaN stays NaN, because pmin and pmax return their first operand where neither is the
 * less.
 */
export function limited<T>(g: v128): v128 {
  return v128.pmax<T>(v128.pmin<T>(g, v128.splat<T>(limit<T>())), v128.splat<T>(-limit<T>()));
}

/** Returns the high part of a limited gap. */
export function highPart<T>(g: v128): v128 {
  const steps = v128.nearest<T>(v128.mul<T>(g, v128.splat<T>(grid<T>())));
  return v128.mul<T>(steps, v128.splat<T>(<T>1 / grid<T>()));
}
