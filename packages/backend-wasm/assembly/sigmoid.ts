// σ(z) and what a layer makes of it, two numbers of f64 at a time, right for any finite z: no power of e above 1 is taken, and no difference
// of nearly equal numbers.
import { exp } from "./exp";

/**
 * e^(−|z|), as a square, because `exp` ends at the least normal number and the least subnormal one is its square's. NaN stays NaN.
 */
export function fading(z: v128): v128 {
  const half = exp<f64>(f64x2.mul(f64x2.abs(z), f64x2.splat(-0.5)), f64x2.splat(0));
  return f64x2.mul(half, half);
}

/** z σ(z), or without `silu` σ(z), from z and e^(−|z|). */
export function activation(z: v128, fade: v128, silu: bool): v128 {
  const large = f64x2.div(f64x2.splat(1), f64x2.add(f64x2.splat(1), fade));
  const value = v128.bitselect(large, f64x2.mul(fade, large), f64x2.ge(z, f64x2.splat(0)));
  return silu ? f64x2.mul(z, value) : value;
}

/** The derivative of that: σ(z) (1 + z σ(−z)), or σ(z) σ(−z). */
export function slope(z: v128, fade: v128, silu: bool): v128 {
  const large = f64x2.div(f64x2.splat(1), f64x2.add(f64x2.splat(1), fade));
  const small = f64x2.mul(fade, large);
  if (!silu) return f64x2.mul(small, large);
  const positive = f64x2.ge(z, f64x2.splat(0));
  const value = v128.bitselect(large, small, positive);
  const other = v128.bitselect(small, large, positive);
  return f64x2.mul(value, f64x2.add(f64x2.splat(1), f64x2.mul(z, other)));
}
