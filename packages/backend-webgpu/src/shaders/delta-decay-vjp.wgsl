// The gradient of the decay of a delta rule, chunk by chunk: ḡ of equation (30) of core's reference README, from the gradients of the rows,
//   ḡ_t = ⟨Z, Z̄⟩ + Σ_{i≥t} (q_i ∘ q̄_i + p_i ∘ p̄_i − k_i ∘ k̄_i),   and 0 where g_t = −∞
// Z and Z̄ are those of the chunk's end, and t and i its rows. All sums are compensated.
// Where every channel decays by itself (CHANNELS), a thread owns one channel of one chunk, and goes from its last row up. Otherwise a
// workgroup owns one chunk, and a thread one of its rows and every THREADS-th channel of ⟨Z, Z̄⟩. In workgroup memory lie then each
// thread's part of ⟨Z, Z̄⟩ and of its row's term, because every row needs the sum of all parts and of all later rows' terms.

override THREADS: u32 = 64; // without CHANNELS as many as a chunk has rows
override CHUNK: u32 = 64;
override CHANNELS: bool = false; // whether every channel decays by gaps of its own

struct Params {
  decay: Operand, // positions counted in elements, as those of all others are
  q: Operand,
  k: Operand,
  p: Operand,
  q_bar: Operand,
  p_bar: Operand, // of −P̄
  k_bar: Operand,
  out: Operand,
  rows: u32,
  rank: u32,
  quads: u32, // how many quads of columns there are
  chunks: u32,
  count: u32, // the chunks of all batch entries, with CHANNELS times the channels
  total: u32, // the workgroups that have work
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> decay: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> p: array<f32>;
@group(0) @binding(5) var<storage, read> bars: array<f32>;
@group(0) @binding(6) var<storage, read> z: array<vec4<f32>>; // Z before every chunk and after the last: [batch, chunks + 1, 4·rank quads, quads]
@group(0) @binding(7) var<storage, read> z_bar: array<vec4<f32>>; // Z̄ after every chunk: [batch, chunks, 4·rank quads, quads]
@group(0) @binding(8) var<storage, read_write> out: array<f32>;

//#include operand
//#include plus
var<workgroup> edges: array<vec2<f32>, THREADS>; // each thread's part of ⟨Z, Z̄⟩
var<workgroup> gains: array<vec2<f32>, THREADS>; // each row's term of the sum

// Adds a channel's part of ⟨Z, Z̄⟩ at the end of a chunk to a sum.
fn edge(sum: vec2<f32>, batch: u32, chunk: u32, m: u32) -> vec2<f32> {
  let quads = params.quads;
  let size = 4u * ((params.rank + 3u) / 4u) * quads;
  let at = (batch * (params.chunks + 1u) + chunk + 1u) * size + m * quads;
  let bar_at = (batch * params.chunks + chunk) * size + m * quads;
  var next = sum;
  for (var j = 0u; j < quads; j++) {
    next = plus(next, dot(z[at + j], z_bar[bar_at + j]));
  }
  return next;
}

// Adds q q̄ + p p̄ − k k̄ of a row and channel to a sum; `bars` has −P̄, hence the sign.
fn with_row(sum: vec2<f32>, batch: u32, row: u32, m: u32) -> vec2<f32> {
  let of_q = q[start(params.q, batch) + row * params.q.row + m] * bars[start(params.q_bar, batch) + row * params.q_bar.row + m];
  let of_p = p[start(params.p, batch) + row * params.p.row + m] * bars[start(params.p_bar, batch) + row * params.p_bar.row + m];
  let of_k = k[start(params.k, batch) + row * params.k.row + m] * bars[start(params.k_bar, batch) + row * params.k_bar.row + m];
  return plus(plus(plus(sum, of_q), -of_p), -of_k);
}

fn put(sum: vec2<f32>, batch: u32, row: u32, column: u32) {
  // −∞ is what lies below the least finite number: WGSL has no test for infinity.
  let reset = decay[start(params.decay, batch) + row * params.decay.row + column] < -3.4028234e38;
  out[start(params.out, batch) + row * params.out.row + column] = select(sum.x + sum.y, 0.0, reset);
}

// Does one channel of one chunk, from the last row up.
fn channel(item: u32) {
  if (item >= params.count) {
    return;
  }
  let m = item % params.rank;
  let chunk = item / params.rank % params.chunks;
  let batch = item / params.rank / params.chunks;
  let first = chunk * CHUNK;
  var sum = edge(vec2<f32>(), batch, chunk, m);
  for (var row = min(first + CHUNK, params.rows); row > first; row--) {
    sum = with_row(sum, batch, row - 1u, m);
    put(sum, batch, row - 1u, m);
  }
}

//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup);
  if (index >= params.total) {
    return;
  }
  if (CHANNELS) {
    channel(index * THREADS + thread);
    return;
  }
  let chunk = index % params.chunks;
  let batch = index / params.chunks;
  let first = chunk * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  var own_edges = vec2<f32>();
  for (var m = thread; m < params.rank; m += THREADS) {
    own_edges = edge(own_edges, batch, chunk, m);
  }
  edges[thread] = own_edges;
  var own = vec2<f32>();
  if (thread < rows) {
    for (var m = 0u; m < params.rank; m++) {
      own = with_row(own, batch, first + thread, m);
    }
  }
  gains[thread] = own;
  workgroupBarrier();
  if (thread >= rows) {
    return;
  }
  var sum = vec2<f32>();
  for (var other = 0u; other < THREADS; other++) {
    sum = plus(plus(sum, edges[other].x), edges[other].y);
  }
  for (var row = rows; row > thread; row--) {
    sum = plus(plus(sum, gains[row - 1u].x), gains[row - 1u].y);
  }
  put(sum, batch, first + thread, 0u);
}
