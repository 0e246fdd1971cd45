//#include factor
// exp(s_to − s_from), of rows of the segment
fn between(from_row: u32, to_row: u32, quad: u32) -> vec4<f32> {
  let a = 2u * (from_row * params.rank + quad);
  let b = 2u * (to_row * params.rank + quad);
  return decay_by(sums[b] - sums[a], sums[b + 1u] - sums[a + 1u]);
}
