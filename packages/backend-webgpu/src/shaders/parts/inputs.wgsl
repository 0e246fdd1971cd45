// Row t + j of the convolution's inputs X: those of the initial state, and then x's; `t` is a row of x, and `row` the same counted in
// the dispatch, where x begins `lead` rows before its first.
fn input(t: u32, j: u32, row: u32, x_at: u32, state_at: u32) -> f32 {
  if (t + j + 1u >= params.taps) {
    return x[x_at + (row + params.lead + j + 1u - params.taps) * params.x.row];
  }
  if (has(STATE)) {
    return state[state_at + (t + j) * params.state.row];
  }
  return 0.0;
}
