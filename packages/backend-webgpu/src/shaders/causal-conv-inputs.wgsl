// The gradient of what a causal convolution reads, X: the rows of the initial state, and then those of x. With ȳ the cotangent of its sums
// and s̄ that of the last taps − 1 rows of X, which are its final state,
//   X̄_m = Σ_j weight_j ∘ ȳ_{m−j} + s̄_{m−n}
// A thread owns ROWS rows of one channel. A workgroup is THREADS such pieces, which share nothing; there is no workgroup memory.

override THREADS: u32 = 64;
const ROWS = 8u;

struct Params {
  given: Operand, // ȳ
  weight: Operand,
  final_given: Operand, // s̄
  out: Operand,
  rows: u32, // how many rows of out this dispatch writes
  cols: u32,
  taps: u32,
  n: u32, // how many rows ȳ has in all
  first: u32, // the row of X that is the first of out
  given_first: u32, // the row of ȳ that is the first in its binding
  total: u32, // the threads that have work: batch × blocks of rows × cols
  flags: u32, // 1: s̄ is given; 0: it counts as zero
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> given: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> final_given: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

//#include operand
//#include plus
//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let column = index % params.cols;
  let blocks = (params.rows + ROWS - 1u) / ROWS;
  let begin = index / params.cols % blocks * ROWS;
  let batch = index / params.cols / blocks;
  let given_at = start(params.given, batch) + column;
  let weight_at = start(params.weight, batch) + column;
  let final_at = start(params.final_given, batch) + column;
  let out_at = start(params.out, batch) + column;
  for (var row = begin; row < min(begin + ROWS, params.rows); row++) {
    let m = params.first + row;
    var sum = vec2<f32>();
    // The sum begins with the first tap whose row m − j of ȳ exists.
    for (var j = max(m + 1u, params.n) - params.n; j < min(params.taps, m + 1u); j++) {
      sum = plus(sum, weight[weight_at + j * params.weight.row] * given[given_at + (m - j - params.given_first) * params.given.row]);
    }
    if (params.flags == 1u && m >= params.n) {
      sum = plus(sum, final_given[final_at + (m - params.n) * params.final_given.row]);
    }
    out[out_at + row * params.out.row] = sum.x + sum.y;
  }
}
