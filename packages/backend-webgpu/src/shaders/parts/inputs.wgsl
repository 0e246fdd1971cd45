// Row t + j of what a causal convolution reads, X: the rows of the initial state (0 where there is none), and then those of x. `t` counts
// rows of x from its beginning, and `row` is the same row counted from the first of this dispatch, `lead` rows before which x's binding begins.
fn input(t: u32, j: u32, row: u32, x_at: u32, state_at: u32) -> f32 {
  if (t + j + 1u >= params.taps) {
    return x[x_at + (row + params.lead + j + 1u - params.taps) * params.x.row];
  }
  if (has(STATE)) {
    return state[state_at + (t + j) * params.state.row];
  }
  return 0.0;
}
