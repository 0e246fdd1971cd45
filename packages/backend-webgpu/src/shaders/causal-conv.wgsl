// The causal convolution of every channel. With X the rows of the initial state followed by those of x,
//   y_t = bias + Σ_j weight_j ∘ X_{t+j}
// Written is y, or y logistic(y) (SILU); or, for a cotangent of the latter (GRADIENT), the cotangent of y.
// A thread owns ROWS rows of one channel. A workgroup is THREADS such pieces, which share nothing; there is no workgroup memory.

override THREADS: u32 = 64;
const ROWS = 8u;

struct Params {
  x: Operand,
  weight: Operand,
  bias: Operand,
  state: Operand,
  cotangent: Operand,
  out: Operand,
  rows: u32,
  cols: u32,
  taps: u32,
  first: u32, // the row of x that is the first of this dispatch
  lead: u32, // how many rows before that one the binding of x holds
  total: u32, // the threads that have work: batch × blocks of rows × cols
  flags: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> state: array<f32>;
@group(0) @binding(5) var<storage, read> cotangent: array<f32>;
@group(0) @binding(6) var<storage, read_write> out: array<f32>;

// The bits of `flags`.
const STATE = 1u;
const BIAS = 2u;
const SILU = 4u;
const GRADIENT = 8u;

//#include operand
fn has(flag: u32) -> bool {
  return (params.flags & flag) != 0u;
}

//#include plus
//#include silu
//#include inputs
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
  let x_at = start(params.x, batch) + column;
  let state_at = start(params.state, batch) + column;
  let weight_at = start(params.weight, batch) + column;
  let given_at = start(params.cotangent, batch) + column;
  let out_at = start(params.out, batch) + column;
  var own_bias = 0.0;
  if (has(BIAS)) {
    own_bias = bias[start(params.bias, batch) + column];
  }
  for (var row = begin; row < min(begin + ROWS, params.rows); row++) {
    var sum = vec2<f32>();
    for (var j = 0u; j < params.taps; j++) {
      sum = plus(sum, weight[weight_at + j * params.weight.row] * input(params.first + row, j, row, x_at, state_at));
    }
    sum = plus(sum, own_bias);
    var value = sum.x + sum.y;
    if (has(GRADIENT)) {
      value = times_silu_slope(cotangent[given_at + row * params.cotangent.row], value);
    } else if (has(SILU)) {
      value = times_silu(1.0, value);
    }
    out[out_at + row * params.out.row] = value;
  }
}
