// The number value · 2^exponent. A power of e may be beyond the largest number, or below the least, where a product with it is neither.
struct Scaled {
  value: f32,
  exponent: i32,
}

// 2ⁿ for −126 ≤ n ≤ 127, and 0 for n = −127
fn power_of_two(n: i32) -> f32 {
  return bitcast<f32>(u32(n + 127) << 23u);
}

// Turns it into a number, in two steps, since 2^exponent alone may be beyond the largest one. Below 2⁻²⁵² the power counts as 0.
fn sized(x: Scaled) -> f32 {
  let exponent = clamp(x.exponent, -254, 252);
  let half = exponent / 2;
  return x.value * power_of_two(half) * power_of_two(exponent - half);
}

// Returns n with 2ⁿ ≤ |x| < 2ⁿ⁺¹, limited to −126 … 126.
fn exponent_of(x: f32) -> i32 {
  return clamp(i32((bitcast<u32>(x) >> 23u) & 255u) - 127, -126, 126);
}

// 1 / d. WGSL's division may be off by 2.5 units in the last place, so the result is corrected by one step of Newton's method.
fn inverse(d: f32) -> f32 {
  let first = 1.0 / d;
  return first + first * (1.0 - d * first);
}
