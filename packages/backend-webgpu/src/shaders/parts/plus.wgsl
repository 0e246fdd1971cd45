const LARGEST = 3.4028234e38;

// Adds a term to a sum. x is the sum, and y what its roundings have lost, which goes into the next term (Kahan). A sum that has become
// infinite stays so: it has lost nothing, rather than ∞ − ∞.
fn plus(sum: vec2<f32>, term: f32) -> vec2<f32> {
  let own = term + sum.y;
  let next = sum.x + own;
  return vec2<f32>(next, select(own - (next - sum.x), 0.0, abs(next) > LARGEST));
}
