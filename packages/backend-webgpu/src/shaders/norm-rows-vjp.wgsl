// The gradients of norm-rows for a cotangent ȳ. With x̂ = x / √(Σx² + size² eps) · size and c = ȳ ∘ weight ∘ f(gate), it writes those of
//   x        (c − x̂ (c·x̂) / size²) · size / √(Σx² + size² eps)
//   gate     ȳ ∘ x̂ ∘ weight ∘ f'(gate)
//   weight   ȳ ∘ x̂ ∘ f(gate), which the caller adds up over the rows
// Rows of x and of ȳ are divided by powers of two first, so that no product overflows or underflows.
// LANES threads own one row together, each of them every LANES-th column. In workgroup memory lie their parts of the row's sums and
// largest elements.

override THREADS: u32 = 64;
override LANES: u32 = 16;

struct Params {
  x: Operand,
  gate: Operand,
  weight: Operand,
  cotangent: Operand,
  x_gradient: Operand,
  gate_gradient: Operand,
  weight_terms: Operand,
  rows: u32,
  cols: u32,
  count: u32, // the rows of all batch entries
  total: u32, // the workgroups that have work
  flags: u32, // the bits of parts/activate.wgsl, and those below, which say what is wanted
  root_eps: f32, // √eps · size, which counts as one more element of the row
  size: f32, // the length that rows are given: 1, or √cols
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> cotangent: array<f32>;
@group(0) @binding(5) var<storage, read_write> x_gradient: array<f32>;
@group(0) @binding(6) var<storage, read_write> gate_gradient: array<f32>;
@group(0) @binding(7) var<storage, read_write> weight_terms: array<f32>;

//#include operand
//#include plus
//#include activate
//#include row-sum
//#include row-scale
const X_WANTED = 8u;
const GATE_WANTED = 16u;
const WEIGHT_WANTED = 32u;

// Multiplies value by f'(gate).
fn times_slope(value: f32, at: u32) -> f32 {
  if (has(SILU)) {
    return times_silu_slope(value, gate[at]);
  }
  return times_logistic_slope(value, gate[at]);
}

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup);
  if (index >= params.total) {
    return;
  }
  let lane = thread % LANES;
  let item = index * (THREADS / LANES) + thread / LANES;
  let batch = item / params.rows;
  let row = item % params.rows;
  let end = select(0u, params.cols, item < params.count);
  let x_at = start(params.x, batch) + row * params.x.row;
  let given_at = start(params.cotangent, batch) + row * params.cotangent.row;
  let gate_at = start(params.gate, batch) + row * params.gate.row;
  let weight_at = start(params.weight, batch);

  var peak = bitcast<u32>(params.root_eps);
  var given_peak = 0u;
  for (var column = lane; column < end; column += LANES) {
    peak = max(peak, bitcast<u32>(abs(x[x_at + column])));
    given_peak = max(given_peak, bitcast<u32>(abs(cotangent[given_at + column])));
  }
  let exponent = row_exponent(thread, peak);
  let given_exponent = row_exponent(thread, given_peak);
  let unit = power_of_two(-exponent);
  let given_unit = power_of_two(-given_exponent);
  var sum = vec2<f32>(select(0.0, params.root_eps * unit * (params.root_eps * unit), lane == 0u), 0.0);
  var along = vec2<f32>();
  for (var column = lane; column < end; column += LANES) {
    let value = x[x_at + column] * unit;
    let given = cotangent[given_at + column] * given_unit;
    sum = plus(sum, value * value);
    along = plus(along, weighted(activated(given, gate_at + column), weight_at + column) * value);
  }
  let factor = inverse_root(row_sum(thread, sum)) * params.size;
  let mean = row_sum(thread, along) * factor / (params.size * params.size);
  for (var column = lane; column < end; column += LANES) {
    let value = x[x_at + column] * unit * factor;
    let given = cotangent[given_at + column];
    if (has(X_WANTED)) {
      let own = weighted(activated(given * given_unit, gate_at + column), weight_at + column);
      let to = start(params.x_gradient, batch) + row * params.x_gradient.row + column;
      x_gradient[to] = sized(Scaled((own - value * mean) * factor, given_exponent - exponent));
    }
    if (has(GATE_WANTED)) {
      let to = start(params.gate_gradient, batch) + row * params.gate_gradient.row + column;
      gate_gradient[to] = weighted(times_slope(given * value, gate_at + column), weight_at + column);
    }
    if (has(WEIGHT_WANTED)) {
      let to = start(params.weight_terms, batch) + row * params.weight_terms.row + column;
      weight_terms[to] = activated(given * value, gate_at + column);
    }
  }
}
