//#include inverse-root
var<workgroup> peaks: array<u32, THREADS>;

// Returns n with 2ⁿ ≤ m < 2ⁿ⁺¹, for m the largest |x| that any of the LANES threads of a row has. `own` is the bits of this thread's
// largest |x|: as integers, numbers without a sign are ordered as they are as numbers, with NaN above all.
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
