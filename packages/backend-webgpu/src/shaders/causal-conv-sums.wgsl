// The gradients of the convolution's weight and bias, sums over rows of ȳ_t ∘ X_{t+j} and of ȳ_t, where ȳ is the cotangent of its sums. PASS 0 adds up
// the rows of every chunk, a thread for a channel and tap of a chunk, the bias being one more tap; PASS 1 the chunks.

override THREADS: u32 = 64;
override CHUNK: u32 = 64;
override PASS: u32 = 0;

struct Params {
  given: Operand, // ȳ
  x: Operand,
  state: Operand,
  out: Operand,
  rows: u32,
  cols: u32,
  taps: u32,
  first: u32, // row of x that is the dispatch's first
  lead: u32, // rows before that in the binding of x
  chunks: u32, // of all dispatches of PASS 0
  first_tap: u32, // PASS 1: what is row 0 of out
  out_rows: u32,
  total: u32, // threads asked for
  flags: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> given: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec2<f32>>; // [batch, chunks, taps + 1, cols]
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

const STATE = 1u;

//#include operand
fn has(flag: u32) -> bool {
  return (params.flags & flag) != 0u;
}

//#include plus
//#include inputs
@compute @workgroup_size(THREADS)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = (group.x + group.y * groups.x) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let cols = params.cols;
  let column = index % cols;
  let each = (params.taps + 1u) * cols;
  var sum = vec2<f32>();
  if (PASS == 1u) {
    let row = index / cols % params.out_rows;
    let batch = index / cols / params.out_rows;
    let from_at = batch * params.chunks * each + (params.first_tap + row) * cols + column;
    for (var chunk = 0u; chunk < params.chunks; chunk++) {
      let own = sums[from_at + chunk * each];
      sum = plus(plus(sum, own.x), own.y);
    }
    out[start(params.out, batch) + row * params.out.row + column] = sum.x + sum.y;
    return;
  }
  let chunks = (params.rows + CHUNK - 1u) / CHUNK;
  let tap = index / cols % (params.taps + 1u);
  let chunk = index / each % chunks;
  let batch = index / each / chunks;
  let given_at = start(params.given, batch) + column;
  let x_at = start(params.x, batch) + column;
  let state_at = start(params.state, batch) + column;
  for (var row = chunk * CHUNK; row < min((chunk + 1u) * CHUNK, params.rows); row++) {
    let value = given[given_at + row * params.given.row];
    if (tap == params.taps) {
      sum = plus(sum, value);
    } else {
      sum = plus(sum, value * input(params.first + row, tap, row, x_at, state_at));
    }
  }
  let here = batch * params.chunks + params.first / CHUNK + chunk;
  sums[here * each + tap * cols + column] = sum;
}
