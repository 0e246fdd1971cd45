//#include silu
const SILU = 1u; // the gate's activation; neither: there is no gate
const SIGMOID = 2u;
const WEIGHTED = 4u;

fn has(flag: u32) -> bool {
  return (params.flags & flag) != 0u;
}

// value · f(gate), where there is a gate
fn activated(value: f32, at: u32) -> f32 {
  if (has(SILU)) {
    return times_silu(value, gate[at]);
  }
  if (has(SIGMOID)) {
    return times_logistic(value, gate[at]);
  }
  return value;
}

fn weighted(value: f32, at: u32) -> f32 {
  if (has(WEIGHTED)) {
    return value * weight[at];
  }
  return value;
}
