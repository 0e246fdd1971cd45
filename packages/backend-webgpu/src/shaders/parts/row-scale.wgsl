//#include inverse-root
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
