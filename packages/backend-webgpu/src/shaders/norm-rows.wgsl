// Gives every row the length `size`, with a weight and a gate where there are any:
//   out ← x / √(Σx² + size² eps) · size ∘ weight ∘ f(gate)
// With size = √cols that is x / √(mean(x²) + eps), as of RMSNorm. A row is divided by a power of two first, so that no square overflows or
// underflows.
// LANES threads own one row together, each of them every LANES-th column. In workgroup memory lie their parts of the row's sum and
// largest element.

override THREADS: u32 = 64;
override LANES: u32 = 16;

struct Params {
  x: Operand,
  gate: Operand,
  weight: Operand,
  out: Operand,
  rows: u32,
  cols: u32,
  count: u32, // the rows of all batch entries
  total: u32, // the workgroups that have work
  flags: u32, // the bits of parts/activate.wgsl
  root_eps: f32, // √eps · size, which counts as one more element of the row
  size: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

//#include operand
//#include plus
//#include activate
//#include row-sum
//#include row-scale
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

  var peak = bitcast<u32>(params.root_eps);
  for (var column = lane; column < end; column += LANES) {
    peak = max(peak, bitcast<u32>(abs(x[x_at + column])));
  }
  let unit = power_of_two(-row_exponent(thread, peak));
  var sum = vec2<f32>(select(0.0, params.root_eps * unit * (params.root_eps * unit), lane == 0u), 0.0);
  for (var column = lane; column < end; column += LANES) {
    let value = x[x_at + column] * unit;
    sum = plus(sum, value * value);
  }
  let factor = inverse_root(row_sum(thread, sum)) * params.size;
  let gate_at = start(params.gate, batch) + row * params.gate.row;
  let weight_at = start(params.weight, batch);
  let out_at = start(params.out, batch) + row * params.out.row;
  for (var column = lane; column < end; column += LANES) {
    let value = x[x_at + column] * unit * factor;
    out[out_at + column] = weighted(activated(value, gate_at + column), weight_at + column);
  }
}
