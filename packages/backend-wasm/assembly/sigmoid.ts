// What a layer makes of σ(z), in f64: right for any finite z, as no power of e above 1 is taken and no difference of nearly equal numbers.
import { exp, powerOf, shifted, shifter, vanishes } from "./exp";

/**
 * Returns e^(−|z|) of two numbers. NaN stays NaN. For a T of f32 it is right within 2⁻³¹ of itself, far below what the result is rounded to; for
 * f64 it is a square, because `exp` ends at the least normal number, of which the least subnormal one is the square.
 */
function fading<T>(z: v128): v128 {
  const x = f64x2.neg(f64x2.abs(z));
  if (sizeof<T>() == 8) {
    const half = exp<f64>(f64x2.mul(x, f64x2.splat(0.5)), f64x2.splat(0));
    return f64x2.mul(half, half);
  }
  const shift = shifted<f64>(x);
  const n = f64x2.sub(shift, f64x2.splat(shifter<f64>()));
  const rest = f64x2.sub(x, f64x2.mul(n, f64x2.splat(Math.LN2)));
  // 1 + ρ + ρ²/2 + … + ρ⁸/8!, in pairs of terms, which wait for each other less than one after the other would
  const square = f64x2.mul(rest, rest);
  const fourth = f64x2.mul(square, square);
  let p = f64x2.add(f64x2.splat(1.0 / 720.0), f64x2.mul(rest, f64x2.splat(1.0 / 5040.0)));
  p = f64x2.add(f64x2.mul(p, square), f64x2.mul(fourth, f64x2.splat(1.0 / 40320.0)));
  p = f64x2.add(p, f64x2.add(f64x2.splat(1.0 / 24.0), f64x2.mul(rest, f64x2.splat(1.0 / 120.0))));
  const first = f64x2.add(f64x2.splat(0.5), f64x2.mul(rest, f64x2.splat(1.0 / 6.0)));
  p = f64x2.add(f64x2.mul(p, fourth), f64x2.mul(first, square));
  p = f64x2.add(p, f64x2.add(f64x2.splat(1), rest));
  return v128.andnot(f64x2.mul(powerOf<f64>(shift), p), vanishes<f64>(n));
}

/**
 * Computes of a row of numbers in f64, `length` bytes long: `values` ← z σ(z), or without `silu` σ(z), and `slopes` ← the derivative of that, each
 * unless it is 0; either may take the place of z. What is right to f64 for a T of f64 is right to f32 for one of f32.
 */
export function activate<T>(z: usize, length: usize, values: usize, slopes: usize, silu: bool): void {
  const one = f64x2.splat(1);
  for (let at: usize = 0; at < length; at += 16) {
    const x = v128.load(z + at);
    const fade = fading<T>(x);
    const large = f64x2.div(one, f64x2.add(one, fade)); // σ(|z|)
    const small = f64x2.mul(fade, large);
    const positive = f64x2.ge(x, f64x2.splat(0));
    const own = v128.bitselect(large, small, positive);
    if (values) v128.store(values + at, silu ? f64x2.mul(x, own) : own);
    if (!slopes) continue;
    const other = v128.bitselect(small, large, positive); // σ(−z)
    v128.store(slopes + at, f64x2.mul(own, silu ? f64x2.add(one, f64x2.mul(x, other)) : other));
  }
}
