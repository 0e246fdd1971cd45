// Prepares rows for the delta rule, P and W of equation (28) of core's reference README, padded with zeros to whole quads:
//   plain ← x, or x / √(Σx² + eps) (NORMALIZE);   scaled ← factor ∘ plain, with one factor a row, or one a row and column
// As in norm-rows, a row is divided by a power of two before its squares are added up.
// LANES threads own one row together, each of them every LANES-th column. In workgroup memory lie their parts of the row's sum and
// largest element.

override THREADS: u32 = 64;
override LANES: u32 = 16;
override NORMALIZE: bool = false;
override PLAIN: bool = true; // whether `plain` is wanted
override SCALED: bool = true; // whether `scaled` is wanted

struct Params {
  x: Operand,
  factor: Operand,
  rows: u32,
  cols: u32,
  count: u32, // the rows of all batch entries
  total: u32, // the workgroups that have work
  width: u32, // how many columns are written: a multiple of 4
  factor_cols: u32, // 1: one factor a row; otherwise as many as x has columns
  root_eps: f32, // √eps, which counts as one more element of the row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> factor: array<f32>;
@group(0) @binding(3) var<storage, read_write> plain: array<f32>; // [batch, rows, width]
@group(0) @binding(4) var<storage, read_write> scaled: array<f32>; // [batch, rows, width]

//#include operand
//#include plus
//#include scaled
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
  let live = item < params.count;
  let x_at = start(params.x, batch) + row * params.x.row;
  var unit = 1.0;
  var norm = 1.0;
  if (NORMALIZE) {
    let end = select(0u, params.cols, live);
    var peak = bitcast<u32>(params.root_eps);
    for (var column = lane; column < end; column += LANES) {
      peak = max(peak, bitcast<u32>(abs(x[x_at + column])));
    }
    unit = power_of_two(-row_exponent(thread, peak));
    var sum = vec2<f32>(select(0.0, params.root_eps * unit * (params.root_eps * unit), lane == 0u), 0.0);
    for (var column = lane; column < end; column += LANES) {
      let value = x[x_at + column] * unit;
      sum = plus(sum, value * value);
    }
    norm = inverse_root(row_sum(thread, sum));
  }
  let factor_at = start(params.factor, batch) + row * params.factor.row;
  let to = item * params.width;
  for (var column = lane; column < select(0u, params.width, live); column += LANES) {
    let inside = column < params.cols;
    var value = 0.0;
    if (inside) {
      value = x[x_at + column];
    }
    if (NORMALIZE) {
      value = value * unit * norm;
    }
    if (PLAIN) {
      plain[to + column] = value;
    }
    if (SCALED) {
      // An infinite factor must not make the padding NaN.
      scaled[to + column] = select(0.0, value * factor[factor_at + select(0u, column, params.factor_cols > 1u && inside)], inside);
    }
  }
}
