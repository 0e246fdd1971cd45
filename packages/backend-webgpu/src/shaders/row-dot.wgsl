// out_i = α x_i · y_i. LANES threads share a row; a lane adds eight products before they meet its sum, which is compensated.

override THREADS: u32 = 64;
override LANES: u32 = 16;
const TERMS = 8u;

struct Params {
  x: Operand,
  y: Operand,
  out: Operand,
  rows: u32,
  cols: u32,
  count: u32, // rows of the whole batch
  total: u32, // workgroups asked for
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

//#include operand
//#include plus
//#include row-sum
@compute @workgroup_size(THREADS)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = group.x + group.y * groups.x;
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
