// out_i = α x_i · y_i: rowdot of equation (20) of core's reference README.
// LANES threads own one row together, each of them every LANES-th column. A thread adds up TERMS products before they meet its sum, which
// is compensated, so that no product is rounded with all the others. In workgroup memory lie the threads' parts of the row's sum.

override THREADS: u32 = 64;
override LANES: u32 = 16;
const TERMS = 8u; // so many products of a thread make a sum of their own

struct Params {
  x: Operand,
  y: Operand,
  out: Operand,
  rows: u32,
  cols: u32,
  count: u32, // the rows of all batch entries
  total: u32, // the workgroups that have work
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

//#include operand
//#include plus
//#include row-sum
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
  var sum = vec2<f32>();
  if (item < params.count) {
    let x_at = start(params.x, batch) + row * params.x.row;
    let y_at = start(params.y, batch) + row * params.y.row;
    var column = lane;
    while (column < params.cols) {
      let end = min(column + TERMS * LANES, params.cols);
      var own = 0.0;
      for (; column < end; column += LANES) {
        own += x[x_at + column] * y[y_at + column];
      }
      sum = plus(sum, own);
    }
  }
  let all = row_sum(thread, sum);
  if (lane == 0u && item < params.count) {
    out[start(params.out, batch) + row * params.out.row] = params.alpha * all;
  }
}
