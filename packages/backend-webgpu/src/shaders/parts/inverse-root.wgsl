// 1 / √s. WGSL's inverseSqrt may be off by 2 units in the last place, so its result is corrected by one step of Newton's method.
fn inverse_root(s: f32) -> f32 {
  let first = inverseSqrt(s);
  return first + first * (0.5 * (1.0 - s * first * first));
}
