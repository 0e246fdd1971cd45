//#include factor
// The factors by which four channels decay from one row to another: exp(s_to − s_from). Rows are counted over all batch entries, and
// `sums` has s from decay-chunks in two parts, [batch, rows, rank, 2].
fn between(from_row: u32, to_row: u32, quad: u32) -> vec4<f32> {
  let a = 2u * (from_row * params.rank + quad);
  let b = 2u * (to_row * params.rank + quad);
  return decay_by(sums[b] - sums[a], sums[b + 1u] - sums[a + 1u]);
}
