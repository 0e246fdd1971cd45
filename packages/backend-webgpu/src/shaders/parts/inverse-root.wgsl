// 1 / √s, corrected once: WGSL promises 2 units in the last place.
fn inverse_root(s: f32) -> f32 {
  let first = inverseSqrt(s);
  return first + first * (0.5 * (1.0 - s * first * first));
}
