var<workgroup> peaks: array<u32, THREADS>;

// n with 2ⁿ ≤ the largest |x| of the LANES threads of a row < 2ⁿ⁺¹, from the bits of each one's own largest |x|: as integers
// they are ordered as the numbers are, and NaN is above all.
fn row_exponent(thread: u32, own: u32) -> i32 {
  if (LANES == 1u) {
    return exponent_of(bitcast<f32>(own));
  }
  peaks[thread] = own;
  workgroupBarrier();
  let first = thread / LANES * LANES;
  var peak = 0u;
  for (var lane = first; lane < first + LANES; lane++) {
    peak = max(peak, peaks[lane]);
  }
  workgroupBarrier();
  return exponent_of(bitcast<f32>(peak));
}

// 1 / √s, corrected once: WGSL promises 2 units in the last place.
fn inverse_root(s: f32) -> f32 {
  let first = inverseSqrt(s);
  return first + first * (0.5 * (1.0 - s * first * first));
}
