//#include silu
// Bits of `flags`. The first two say which activation f the gate has; where neither is set there is no gate.
const SILU = 1u;
const SIGMOID = 2u;
const WEIGHTED = 4u;

fn has(flag: u32) -> bool {
  return (params.flags & flag) != 0u;
}

// Multiplies value by f(gate), where there is a gate.
fn activated(value: f32, at: u32) -> f32 {
  if (has(SILU)) {
    return times_silu(value, gate[at]);
  }
  if (has(SIGMOID)) {
    return times_logistic(value, gate[at]);
  }
  return value;
}

// Multiplies value by the weight, where there is one.
fn weighted(value: f32, at: u32) -> f32 {
  if (has(WEIGHTED)) {
    return value * weight[at];
  }
  return value;
}
