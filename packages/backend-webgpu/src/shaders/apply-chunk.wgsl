// Y_c = α (Λ X_c + S_c X_c + F_c Z_c) for every chunk at once, S_c from chunk-matrix, Z_c from apply-prefix.
// A thread holds a 4×4 tile of Y and walks only the part of S below the diagonal.

override CHUNK: u32 = 64;
override THREADS: u32 = 64;
override DIAG: bool = true; // else Λ = 0
override STATE: bool = true; // else Z_c = 0

struct Params {
  f: vec4<u32>, // index of the first row visited, batch stride, row stride (modulo 2³²), –
  x: vec4<u32>,
  diag: vec4<u32>,
  out: vec4<u32>,
  rows: u32,
  rank: u32,
  cols: u32,
  chunks: u32,
  total: u32, // threads asked for: batch × chunks × CHUNK / 4 × column quads
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tcc: array<vec4<f32>>; // column-major, four rows each
@group(0) @binding(2) var<storage, read> f: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read> diag: array<f32>;
@group(0) @binding(5) var<storage, read> z: array<vec4<f32>>; // [batch, chunks, 4·rank quads, column quads]
@group(0) @binding(6) var<storage, read_write> out: array<f32>;

fn load(at: u32) -> vec4<f32> {
  // past the last column this reads what is not kept
  return vec4<f32>(x[at], x[at + 1u], x[at + 2u], x[at + 3u]);
}

fn store(at: u32, row: u32, column: u32, value: vec4<f32>) {
  let to = at + row * params.out.z + column;
  for (var i = 0u; i < min(4u, params.cols - column); i++) {
    out[to + i] = params.alpha * value[i];
  }
}

fn diagonal(at: u32, row: u32, value: vec4<f32>) -> vec4<f32> {
  if (DIAG) {
    return diag[at + row * params.diag.z] * value;
  }
  return vec4<f32>();
}

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
  let quads = (params.cols + 3u) / 4u;
  let rank_quads = (params.rank + 3u) / 4u;
  let quad = index % quads;
  let i = 4u * ((index / quads) % (CHUNK / 4u));
  let chunk = index / quads / (CHUNK / 4u); // over the whole batch
  let batch = chunk / params.chunks;
  let first = (chunk % params.chunks) * CHUNK;
  let rows = min(CHUNK, params.rows - first);
  if (i >= rows) {
    return;
  }
  let left = rows - i;
  let t = chunk * CHUNK * (CHUNK / 4u) + i / 4u;
  let x_at = params.x.x + batch * params.x.y + first * params.x.z + 4u * quad;
  let f_at = params.f.x + batch * params.f.y + (first + i) * params.f.z;
  let d_at = params.diag.x + batch * params.diag.y + first * params.diag.z;
  let out_at = params.out.x + batch * params.out.y + first * params.out.z;

  var y0 = vec4<f32>();
  var y1 = vec4<f32>();
  var y2 = vec4<f32>();
  var y3 = vec4<f32>();
  if (STATE) {
    // rows past the end repeat the last one; they are not kept
    let f1 = f_at + min(1u, left - 1u) * params.f.z;
    let f2 = f_at + min(2u, left - 1u) * params.f.z;
    let f3 = f_at + min(3u, left - 1u) * params.f.z;
    var next = chunk * 4u * rank_quads * quads + quad;
    for (var m = 0u; m < params.rank; m++) {
      let v = z[next];
      next += quads;
      y0 += f[f_at + m] * v;
      y1 += f[f1 + m] * v;
      y2 += f[f2 + m] * v;
      y3 += f[f3 + m] * v;
    }
  }
  var next = x_at;
  for (var j = 0u; j < i; j++) {
    let s = tcc[t + j * (CHUNK / 4u)];
    let v = load(next);
    next += params.x.z;
    y0 += s.x * v;
    y1 += s.y * v;
    y2 += s.z * v;
    y3 += s.w * v;
  }
  let v0 = load(next);
  store(out_at, i, 4u * quad, y0 + diagonal(d_at, i, v0));
  if (left == 1u) {
    return;
  }
  let s0 = tcc[t + i * (CHUNK / 4u)];
  let v1 = load(next + params.x.z);
  store(out_at, i + 1u, 4u * quad, y1 + s0.y * v0 + diagonal(d_at, i + 1u, v1));
  if (left == 2u) {
    return;
  }
  let s1 = tcc[t + (i + 1u) * (CHUNK / 4u)];
  let v2 = load(next + 2u * params.x.z);
  store(out_at, i + 2u, 4u * quad, y2 + s0.z * v0 + s1.z * v1 + diagonal(d_at, i + 2u, v2));
  if (left == 3u) {
    return;
  }
  let s2 = tcc[t + (i + 2u) * (CHUNK / 4u)];
  let v3 = load(next + 3u * params.x.z);
  store(out_at, i + 3u, 4u * quad, y3 + s0.w * v0 + s1.w * v1 + s2.w * v2 + diagonal(d_at, i + 3u, v3));
}
