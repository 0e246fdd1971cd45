// Writes the rows of the inverse above a panel's first chunk, where it is zero.
fn clear_above(rows: u32, part: Part) {
  for (var row = part.worker; row < rows; row += THREADS / LANES) {
    if (part.quad < params.quads) {
      out[part.out + row * params.out.row] = vec4<f32>();
      if (part.both) {
        out[part.out + row * params.out.row + 1u] = vec4<f32>();
      }
    }
  }
}
