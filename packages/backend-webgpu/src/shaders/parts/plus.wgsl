const LARGEST = 3.4028234e38;

// A sum and what its roundings have lost, which goes into the next term (Kahan). An infinite sum stays infinite.
fn plus(sum: vec2<f32>, term: f32) -> vec2<f32> {
  let own = term + sum.y;
  let next = sum.x + own;
  return vec2<f32>(next, select(own - (next - sum.x), 0.0, abs(next) > LARGEST));
}
