// The gradient of the decay from the gradients of Q and K, by running sums over the rows in the order visited: equation (27) of core's
// reference README. With e = q ∘ q̄ − k ∘ k̄ and s what the states give,
//   ḡ_v = s − Σ_{w<v} e_w,   transposed ḡ_v = s + Σ_{w≤v} e_w,   and 0 where g_v = −∞
// It takes three passes, so that long sequences have enough threads:
//   PASS 0   the sum of every chunk      a thread owns one channel of one chunk
//   PASS 1   the sum before every chunk  a thread owns one channel of one batch entry, and walks its chunks
//   PASS 2   the rows                    a thread owns one channel of one chunk
// A sum is a pair: what the rounding of the first number loses is kept in the second, and goes into the next term (Kahan). The threads of
// a workgroup share nothing; there is no workgroup memory.

override THREADS: u32 = 64;
override CHUNK: u32 = 64;
override PASS: u32 = 0;
override CHANNELS: bool = false; // true: a gap for every channel; false: one a row, whose gradient is the sum over the channels
override TRANS: bool = false;
override FIRST: bool = false; // PASS 1: this is the first segment, to which nothing has been carried yet
override START: bool = false; // false: s is zero

struct Params {
  decay: Operand,
  q: Operand,
  k: Operand,
  q_gradient: Operand,
  k_gradient: Operand,
  start: Operand,
  out: Operand,
  rows: u32,
  rank: u32,
  chunks: u32,
  stride: u32, // how many pairs `sums` holds for an entry and channel: the chunks of the longest segment, and one for what is carried on
  total: u32, // the threads that have work
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> decay: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> q_gradient: array<f32>;
@group(0) @binding(5) var<storage, read> k_gradient: array<f32>;
@group(0) @binding(6) var<storage, read> initial: array<f32>;
@group(0) @binding(7) var<storage, read_write> sums: array<vec2<f32>>; // [batch, channels, stride]
@group(0) @binding(8) var<storage, read_write> out: array<f32>;

//#include operand
//#include plus

// Adds a row's term to the sum: − e forward, + e transposed. `at` has the row's positions in Q, K and their gradients.
fn with_row(sum: vec2<f32>, at: vec4<u32>, channel: u32) -> vec2<f32> {
  var next = sum;
  let from_channel = select(0u, channel, CHANNELS);
  let end = select(params.rank, channel + 1u, CHANNELS);
  for (var m = from_channel; m < end; m++) {
    let of_q = q[at.x + m] * q_gradient[at.z + m];
    let of_k = k[at.y + m] * k_gradient[at.w + m];
    next = plus(next, select(-of_q, of_q, TRANS));
    next = plus(next, select(of_k, -of_k, TRANS));
  }
  return next;
}

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup) * THREADS + thread;
  if (index >= params.total) {
    return;
  }
  let channels = select(1u, params.rank, CHANNELS);
  let channel = index % channels;
  if (PASS == 1u) {
    let batch = index / channels;
    let at = index * params.stride;
    var sum = vec2<f32>();
    if (!FIRST) {
      sum = sums[at + params.stride - 1u];
    } else if (START) {
      let from_channel = select(0u, channel, CHANNELS);
      let end = select(params.rank, channel + 1u, CHANNELS);
      for (var m = from_channel; m < end; m++) {
        sum = plus(sum, initial[start(params.start, batch) + m * params.start.row]);
      }
    }
    for (var chunk = 0u; chunk < params.chunks; chunk++) {
      let own = sums[at + chunk];
      sums[at + chunk] = sum;
      sum = plus(plus(sum, own.x), own.y);
    }
    sums[at + params.stride - 1u] = sum;
    return;
  }
  let chunk = index / channels % params.chunks;
  let batch = index / channels / params.chunks;
  let first = chunk * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  let step = vec4<u32>(params.q.row, params.k.row, params.q_gradient.row, params.k_gradient.row);
  var at = vec4<u32>(start(params.q, batch), start(params.k, batch), start(params.q_gradient, batch), start(params.k_gradient, batch))
    + first * step;
  let here = (batch * channels + channel) * params.stride + chunk;
  if (PASS == 0u) {
    var sum = vec2<f32>();
    for (var row = 0u; row < rows; row++) {
      sum = with_row(sum, at, channel);
      at += step;
    }
    sums[here] = sum;
    return;
  }
  var sum = sums[here];
  let d_at = start(params.decay, batch) + first * params.decay.row + channel;
  let out_at = start(params.out, batch) + first * params.out.row + channel;
  for (var row = 0u; row < rows; row++) {
    let after = with_row(sum, at, channel);
    at += step;
    let own = select(sum, after, TRANS);
    // −∞ is what lies below the least finite number: WGSL has no test for infinity.
    let reset = decay[d_at + row * params.decay.row] < -3.4028234e38;
    out[out_at + row * params.out.row] = select(own.x + own.y, 0.0, reset);
    sum = after;
  }
}
