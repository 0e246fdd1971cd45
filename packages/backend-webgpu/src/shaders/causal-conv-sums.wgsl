// The gradients of weight and bias of a causal convolution: with ȳ the cotangent of its sums, Σ_t ȳ_t ∘ X_{t+j} for tap j, and Σ_t ȳ_t for
// the bias, which counts as one more tap. It takes two passes, so that long sequences have enough threads, and no sum is one chain:
//   PASS 0   a thread owns one channel and tap of one chunk of CHUNK rows, and adds up its rows into `sums`
//   PASS 1   a thread owns one channel and tap, and adds up the chunks
// A sum is a pair of numbers, the second of which is what the roundings of the first have lost. There is no workgroup memory.

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
  first: u32, // the row of x that is the first of this dispatch
  lead: u32, // how many rows before that one the binding of x holds
  chunks: u32, // how many chunks `sums` holds for each batch entry, those of all segments
  first_tap: u32, // PASS 1: the tap that is row 0 of out
  out_rows: u32,
  total: u32, // the threads that have work
  flags: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> given: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec2<f32>>; // [batch, chunks, taps + 1, cols]
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

// The bit of `flags` that says that there is an initial state.
const STATE = 1u;

//#include operand
fn has(flag: u32) -> bool {
  return (params.flags & flag) != 0u;
}

//#include plus
//#include inputs
//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
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
