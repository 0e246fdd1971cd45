var<workgroup> partial: array<vec2<f32>, THREADS>;

// Adds up the sums of the LANES threads that own a row together. Each of them does so in the same order, so all get the same bits.
fn row_sum(thread: u32, own: vec2<f32>) -> f32 {
  if (LANES == 1u) {
    return own.x + own.y;
  }
  partial[thread] = own;
  workgroupBarrier();
  let first = thread / LANES * LANES;
  var sum = vec2<f32>();
  for (var lane = first; lane < first + LANES; lane++) {
    sum = plus(plus(sum, partial[lane].x), partial[lane].y);
  }
  workgroupBarrier();
  return sum.x + sum.y;
}
